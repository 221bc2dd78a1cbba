//! What every log can be searched for, from a filter to the store's [`Search`].

use std::time::Duration;

use serde_json::Value;
use tonic::Status;
use tributary_domain::{
    id::MessageId,
    identity::{Identifier, IdentifierType},
    normalise,
    tenant::TenantSettings,
    time::Timestamp,
};
use tributary_store::{
    TenantScope,
    search::{Order, Search, TextPattern},
};

use crate::{
    call::Located,
    error::from_store,
    filter::{
        Clause, Field, Filter,
        Operator::{self, Above, AtLeast, AtMost, Below, Contains, Is},
    },
    violations::invalid,
};

/// When the message was received.
const TIME: Field = Field { name: "time", operators: &[AtLeast, Above, AtMost, Below] };
/// What is asked of messages, also of those that are only about to be told of.
const OF_MESSAGES: [Field; 4] = [
    Field { name: "message", operators: &[Is] },
    Field { name: "cluid", operators: &[Is] },
    Field { name: "identifier", operators: &[Is] },
    Field { name: "body", operators: &[Contains] },
];
/// The longest time whose messages are looked through one by one: seven days, and an hour for a caller who counted them
/// by another clock, or some time before the call.
const LONGEST: Duration = Duration::from_hours(7 * 24 + 1);
/// A list that was begun may be read on for so long, though `time >= …` then reaches further back.
const READING: Duration = Duration::from_hours(24);

/// The fields of a log: these, and those that every log has.
pub(crate) fn fields_with(own: &[Field]) -> Vec<Field> {
    [own, &[TIME], &OF_MESSAGES].concat()
}

/// The fields of the tail: these, and those that every message has.
pub(super) fn fields_of_tail_with(own: &[Field]) -> Vec<Field> {
    [own, &OF_MESSAGES].concat()
}

/// In which order a log is wanted.
///
/// # Errors
/// INVALID_ARGUMENT for an order that there is not.
pub(crate) fn order(order_by: &str) -> Result<Order, Status> {
    match order_by.split_ascii_whitespace().collect::<Vec<_>>().as_slice() {
        [] | ["time", "desc"] => Ok(Order::NewestFirst),
        ["time"] | ["time", "asc"] => Ok(Order::OldestFirst),
        _ => Err(invalid("order_by", "must be `time desc` or `time`")),
    }
}

/// An id that is compared with `=`.
///
/// # Errors
/// INVALID_ARGUMENT when it is none; `expected` says what it should be.
pub(crate) fn id<T: std::str::FromStr>(
    filter: &Filter,
    field: &'static str,
    expected: &str,
) -> Result<Option<T>, Status> {
    filter.read(field, Is, expected, |text| text.parse().ok())
}

/// What a filter asks of every log.
#[derive(Debug)]
pub(crate) struct Asked {
    /// In milliseconds since the epoch, as ids have it.
    from: Option<u64>,
    before: Option<u64>,
    message: Option<MessageId>,
    cluid: Option<Clause>,
    identifier: Option<(Clause, IdentifierType)>,
    texts: Vec<(Clause, TextPattern)>,
}

impl Asked {
    /// Reads it.
    ///
    /// # Errors
    /// INVALID_ARGUMENT when a value is none of its field's.
    pub(crate) fn of(filter: &Filter) -> Result<Self, Status> {
        let time = |operator: Operator, later: u64| {
            let millis = |text: &str| Some(text.parse::<Timestamp>().ok()?.millis() + later);
            filter.read(TIME.name, operator, "an RFC 3339 time such as 2026-01-31T09:30:00Z", millis)
        };
        let texts = filter.all("body", Contains).map(|clause| {
            Ok((clause.clone(), clause.read("a text of 1 to 200 characters", TextPattern::new)?))
        });
        let identifier = filter.find("identifier", Is).map(|clause| {
            let kind = |text: &str| IdentifierType::parse(IdentifierType::split(text)?.0);
            let expected = "a type and a value, such as email:ann@example.com or external_id:crm:42";
            Ok::<_, Status>((clause.clone(), clause.read(expected, kind)?))
        });
        Ok(Self {
            from: time(AtLeast, 0)?.into_iter().chain(time(Above, 1)?).max(),
            before: time(Below, 0)?.into_iter().chain(time(AtMost, 1)?).min(),
            message: id(filter, "message", "`msg_…`")?,
            cluid: filter.find("cluid", Is).cloned(),
            identifier: identifier.transpose()?,
            texts: texts.collect::<Result<_, Status>>()?,
        })
    }

    /// What the store is to search for in a list that is read at `now`; `is_begun` says that this is not its first page.
    ///
    /// # Errors
    /// INVALID_ARGUMENT for an identifier that cannot be one, or a search that has to be bounded in time and is not;
    /// PERMISSION_DENIED for personal data that the caller does not see.
    pub(crate) async fn search(
        &self,
        located: &Located<'_>,
        now: Timestamp,
        is_begun: bool,
    ) -> Result<Search, Status> {
        self.check_personal(located)?;
        let is_bounded = self.is_bounded(now, is_begun);
        if let Some((clause, _)) = self.texts.first().filter(|_| !is_bounded) {
            return Err(clause.refused(
                "bodies are looked through one by one: add a `time >= …`, and a `time < …` at most 7 days later, or a \
                 `message = …`",
            ));
        }
        let mut search = self.of_message(&located.scope, &located.record.settings).await?;
        if let Some(clause) = self.cluid.as_ref().filter(|_| !is_bounded && search.owners.is_none()) {
            let Some(cluid) = ours(clause, &located.record.settings) else {
                return Err(clause.refused(
                    "a value that is no cluid of the tag's is looked for message by message: add a `time >= …`, and a \
                     `time < …` at most 7 days later",
                ));
            };
            let owners = located.scope.owners(&cluid.kind, &cluid.value).await.map_err(from_store)?;
            search.owners = Some(owners);
        }
        Ok(search)
    }

    /// Whether the caller may ask for it: whoever does not see personal data may not find out by asking for it either.
    ///
    /// # Errors
    /// PERMISSION_DENIED when they may not.
    pub(super) fn check_personal(&self, located: &Located<'_>) -> Result<(), Status> {
        let asked = [
            ("`identifier`", self.identifier.is_some()),
            ("`cluid`", self.cluid.is_some()),
            ("`body`", !self.texts.is_empty()),
        ];
        let what = asked.into_iter().find(|(_, is_asked)| *is_asked);
        what.map_or(Ok(()), |(what, _)| located.check_personal(what))
    }

    /// The same for messages that are looked at one by one, as they come.
    ///
    /// # Errors
    /// INVALID_ARGUMENT for an identifier that cannot be one.
    pub(super) async fn of_message(
        &self,
        scope: &TenantScope<'_>,
        settings: &TenantSettings,
    ) -> Result<Search, Status> {
        let owners = match self.identifier(settings)? {
            Some(identifier) => {
                Some(scope.owners(&identifier.kind, &identifier.value).await.map_err(from_store)?)
            }
            None => None,
        };
        let first_at = |millis| MessageId::new(millis, 0);
        let cluid = self.cluid.as_ref().map(|clause| match ours(clause, settings) {
            Some(cluid) => cluid.value,
            None => clause.value().trim().to_owned(),
        });
        let search = Search {
            from: self.from.map(first_at),
            before: self.before.map(first_at),
            owners,
            cluid,
            texts: self.texts.iter().map(|(_, text)| text.clone()).collect(),
            ..Search::default()
        };
        Ok(self.message.into_iter().fold(search, Search::within))
    }

    /// Whether it says from when on, or which message.
    pub(super) fn begins(&self) -> bool {
        self.from.is_some() || self.message.is_some()
    }

    /// Whether anything is asked for.
    pub(super) fn is_anything(&self) -> bool {
        self.from.is_some()
            || self.before.is_some()
            || self.message.is_some()
            || self.cluid.is_some()
            || self.identifier.is_some()
            || !self.texts.is_empty()
    }

    /// The identifier that is asked for, in its normal form.
    fn identifier(&self, settings: &TenantSettings) -> Result<Option<Identifier>, Status> {
        let Some((clause, kind)) = &self.identifier else { return Ok(None) };
        let value = IdentifierType::split(clause.value()).map_or("", |(_, value)| value);
        let found = normalise::identifier(kind, &Value::from(value), settings);
        found.map(Some).map_err(|rejection| clause.refused(&rejection.to_string()))
    }

    /// Whether there are only so many messages that they can be looked through one by one.
    fn is_bounded(&self, now: Timestamp, is_begun: bool) -> bool {
        let longest = if is_begun { LONGEST + READING } else { LONGEST };
        let Some(from) = self.from else { return self.message.is_some() };
        let before = self.before.unwrap_or(now.millis());
        self.message.is_some() || u128::from(before.saturating_sub(from)) <= longest.as_millis()
    }
}

/// The cluid that is asked for in its normal form; nothing when it is none of the tag's.
fn ours(clause: &Clause, settings: &TenantSettings) -> Option<Identifier> {
    let kind = IdentifierType::parse(IdentifierType::CLUID)?;
    normalise::identifier(&kind, &Value::from(clause.value()), settings).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_790_000_000);

    fn asked(filter: &str) -> Asked {
        Asked::of(&Filter::parse(filter, &fields_with(&[])).unwrap()).unwrap()
    }

    #[test]
    fn times_are_milliseconds_with_their_ends() {
        let time = "1970-01-01T00:00:02.0015Z";
        for (filter, from, before) in [
            (format!("time >= {time}"), Some(2_001), None),
            (format!("time > {time}"), Some(2_002), None),
            (format!("time < {time}"), None, Some(2_001)),
            (format!("time <= {time}"), None, Some(2_002)),
            (format!("time >= 1970-01-01T00:00:01Z AND time > {time}"), Some(2_002), None),
            (format!("time < 1970-01-01T00:00:01Z AND time <= {time}"), None, Some(1_000)),
            (String::new(), None, None),
        ] {
            let found = asked(&filter);
            assert_eq!((found.from, found.before), (from, before), "{filter}");
        }
    }

    #[test]
    fn a_log_has_two_orders() {
        for (text, order) in [
            ("", Order::NewestFirst),
            ("time desc", Order::NewestFirst),
            (" time ", Order::OldestFirst),
            ("time asc", Order::OldestFirst),
        ] {
            assert_eq!(super::order(text).unwrap(), order, "{text}");
        }
        for text in ["desc", "status", "time down", "time desc, status", "Time"] {
            assert_eq!(super::order(text).unwrap_err().code(), tonic::Code::InvalidArgument, "{text}");
        }
    }

    #[test]
    fn a_search_is_bounded_by_seven_days_or_one_message() {
        let ago = |hours| NOW.minus(Duration::from_hours(hours));
        let message = MessageId::new(1, 1);
        for (filter, first, begun) in [
            (String::new(), false, false),
            (format!("time < {}", ago(1)), false, false),
            (format!("time >= {}", ago(7 * 24)), true, true),
            (format!("time >= {}", ago(7 * 24 + 2)), false, true),
            (format!("time >= {}", ago(9 * 24)), false, false),
            (format!("time >= {} AND time < {}", ago(90 * 24), ago(83 * 24)), true, true),
            (format!("message = {message}"), true, true),
        ] {
            let asked = asked(&filter);
            assert_eq!(
                (asked.is_bounded(NOW, false), asked.is_bounded(NOW, true)),
                (first, begun),
                "{filter}"
            );
        }
    }

    #[test]
    fn values_that_cannot_be_are_refused() {
        for filter in [
            "time >= yesterday",
            "message = wfl_1",
            "body: ''",
            "identifier = ann@example.com",
            "identifier = 'mail:ann@example.com'",
            "identifier = 'external_id:crm'",
        ] {
            let filter = Filter::parse(filter, &fields_with(&[])).unwrap();
            assert!(Asked::of(&filter).is_err(), "{filter:?}");
        }
    }
}
