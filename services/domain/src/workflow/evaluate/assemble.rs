//! Assembling one event.

use serde_json::{Map, Value};

use super::{CompiledWorkflow, EventDraft, RunStatus, Section, Stop, Tracer, identify::identify};
use crate::{
    mapping::{CompiledMapping, Loss, Mapped, Scope, value},
    time::Timestamp,
    workflow::{compile::limits, spec::Kind},
};

/// The longest name of an event, in bytes.
const NAME_BYTES: usize = 200;
/// The longest id that platforms deduplicate by, in bytes.
const DEDUPE_BYTES: usize = 512;

/// How much the events of one message may still hold.
#[derive(Debug)]
pub(super) struct Output {
    left: usize,
}

impl Output {
    /// As much as the events of one message may hold.
    pub(super) fn new() -> Self {
        Self { left: limits::OUTPUT_BYTES }
    }

    fn take(&mut self, name: &str, value: &Value) -> Option<()> {
        let bytes = name.len() + value::size_within(value, self.left)?;
        self.left = self.left.checked_sub(bytes)?;
        Some(())
    }
}

impl CompiledWorkflow {
    /// The event of one element, or of the whole message.
    pub(super) fn event<T: Tracer>(
        &self,
        scope: &Scope<'_>,
        index: u32,
        output: &mut Output,
        tracer: &mut T,
    ) -> Result<EventDraft, Stop> {
        let name = self.name(scope, tracer)?;
        let time = self.time(scope, tracer)?;
        let dedupe_id = match &self.event_id {
            Some(mapping) => text(mapping, Section::EventId, DEDUPE_BYTES, scope, tracer)?.ok(),
            None => None,
        };
        let users = identify(&self.identifiers, Section::Identifiers, scope, tracer)?;
        if users.valid.is_empty() && self.kind != Kind::Group {
            return Err(users.missing(RunStatus::UserIdMissing, &self.identifiers));
        }
        let groups = identify(&self.group_identities, Section::GroupIdentities, scope, tracer)?;
        if groups.valid.is_empty() && self.kind == Kind::Group {
            return Err(groups.missing(RunStatus::AccountIdMissing, &self.group_identities));
        }
        let mut collect =
            |mappings: &[CompiledMapping], section| collect(mappings, section, scope, output, tracer);
        Ok(EventDraft {
            index,
            kind: self.kind,
            name,
            time,
            dedupe_id,
            identifiers: users.valid.into_iter().map(|(_, identifier)| identifier).collect(),
            rejected: users.rejected,
            traits: collect(&self.user_traits, Section::UserTraits)?,
            attributes: collect(&self.event_attributes, Section::EventAttributes)?,
            groups: groups.valid.into_iter().map(|(target, identifier)| (target, identifier.value)).collect(),
            group_traits: collect(&self.group_traits, Section::GroupTraits)?,
            consents: collect(&self.consents, Section::Consents)?,
        })
    }

    fn name<T: Tracer>(&self, scope: &Scope<'_>, tracer: &mut T) -> Result<String, Stop> {
        if self.kind != Kind::Track {
            return Ok(String::new());
        }
        let Some(mapping) = &self.event_name else { return Err(Stop::no_name(None, None)) };
        text(mapping, Section::EventName, NAME_BYTES, scope, tracer)?
            .map_err(|loss| Stop::no_name(Some(mapping), loss))
    }

    fn time<T: Tracer>(&self, scope: &Scope<'_>, tracer: &mut T) -> Result<Timestamp, Stop> {
        let received = scope.message.received;
        let Some(mapping) = &self.event_time else { return Ok(received) };
        tracer.enter(Section::EventTime, &mapping.target);
        match mapping.map(scope, tracer) {
            // The mapping's type is a time, so it gives one in RFC 3339.
            Mapped::Value(found) => Ok(found.as_str().and_then(|text| text.parse().ok()).unwrap_or(received)),
            Mapped::Failed(loss) => Err(Stop::required(mapping, Section::EventTime, loss)),
            Mapped::Empty(_) | Mapped::NotWanted | Mapped::Cleared => Ok(received),
        }
    }
}

/// A text without white space at its ends; or why there is none, where it is known.
fn text<T: Tracer>(
    mapping: &CompiledMapping,
    section: Section,
    limit: usize,
    scope: &Scope<'_>,
    tracer: &mut T,
) -> Result<Result<String, Option<Loss>>, Stop> {
    tracer.enter(section, &mapping.target);
    match mapping.map(scope, tracer) {
        Mapped::Value(found) => {
            let text = value::any_text(&found);
            let text = text.trim();
            if text.len() > limit {
                Err(Stop::too_long(mapping, section, text, limit))
            } else {
                Ok(Ok(text.to_owned()))
            }
        }
        Mapped::Failed(loss) => Err(Stop::required(mapping, section, loss)),
        Mapped::Empty(loss) => Ok(Err(Some(loss))),
        Mapped::NotWanted | Mapped::Cleared => Ok(Err(None)),
    }
}

/// The values of a list of mappings, by what they fill; null for what is to be erased.
fn collect<T: Tracer>(
    mappings: &[CompiledMapping],
    section: Section,
    scope: &Scope<'_>,
    output: &mut Output,
    tracer: &mut T,
) -> Result<Map<String, Value>, Stop> {
    let mut collected = Map::new();
    for mapping in mappings {
        tracer.enter(section, &mapping.target);
        let value = match mapping.map(scope, tracer) {
            Mapped::Value(found) => found,
            Mapped::Cleared => std::borrow::Cow::Owned(Value::Null),
            Mapped::Empty(_) | Mapped::NotWanted => continue,
            Mapped::Failed(loss) => return Err(Stop::required(mapping, section, loss)),
        };
        output.take(&mapping.target, &value).ok_or_else(|| Stop::too_large(mapping, section))?;
        collected.insert(mapping.target.clone(), value.into_owned());
    }
    Ok(collected)
}
