//! What a server made of what was sent, compared with what a scenario expects.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::time::Instant;
use tributary_proto::admin::v1::{MessageTrace, delivery::State};

use super::scenario::Expect;
use crate::cli::{
    client::Client,
    output::{Out, Style, Text},
    resources::conversions::state_words,
    trace,
};

/// How long all of a scenario may take; it takes milliseconds, unless a delivery waits.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a server made of some messages.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Made {
    duplicates: usize,
    people: BTreeSet<String>,
    events: BTreeMap<String, usize>,
    bookings: BTreeMap<String, &'static str>,
    deliveries: BTreeMap<&'static str, usize>,
    /// How messages ended, in the words of their log.
    statuses: BTreeMap<String, usize>,
}

/// Looks at what became of these messages, once nothing more does.
///
/// # Errors
/// When the server refuses.
pub(super) async fn of(client: &Client, messages: &[String]) -> anyhow::Result<Made> {
    let deadline = Instant::now() + PATIENCE;
    for message in messages {
        let patience = deadline.saturating_duration_since(Instant::now());
        trace::settled(client, message, patience).await?;
    }
    let mut made = Made::default();
    // Once more, since a later message may have changed the booking of an earlier one.
    for message in messages {
        made.add(&trace::get(client, message).await?);
    }
    Ok(made)
}

impl Made {
    fn add(&mut self, trace: &MessageTrace) {
        let Some(message) = &trace.message else { return };
        let status = message.status.as_ref().map(|status| status.display_name.clone()).unwrap_or_default();
        *self.statuses.entry(status).or_default() += 1;
        self.duplicates += usize::from(!message.duplicate_of.is_empty());
        for traced in trace.runs.iter().flat_map(|run| &run.events).chain(&trace.follow_ups) {
            if let Some(event) = &traced.event {
                self.people.extend((!event.profile.is_empty()).then(|| event.profile.clone()));
                let stands = event.withheld_reason.is_empty() && event.follows.is_none();
                if stands && !event.event_name.is_empty() {
                    *self.events.entry(event.event_name.clone()).or_default() += 1;
                }
            }
            for delivery in traced.deliveries.iter().filter_map(|traced| traced.delivery.as_ref()) {
                let state = match delivery.state() {
                    State::Delivered => "delivered",
                    State::Pending => "waiting",
                    _ => "not delivered",
                };
                *self.deliveries.entry(state).or_default() += 1;
            }
        }
        if let Some(conversion) = &trace.conversion {
            self.bookings.insert(conversion.name.clone(), state_words(conversion.state()));
        }
    }

    fn standing(&self) -> BTreeMap<String, usize> {
        let mut standing = BTreeMap::new();
        for state in self.bookings.values() {
            *standing.entry((*state).to_owned()).or_default() += 1;
        }
        standing
    }

    /// What is other than expected, a sentence each.
    pub(super) fn differences(&self, expect: &Expect) -> Vec<String> {
        let mut told = Vec::new();
        let mut compare = |what: &str, expected: Option<String>, found: String| {
            if let Some(expected) = expected.filter(|expected| *expected != found) {
                told.push(format!("{what}: expected {expected}, found {found}"));
            }
        };
        compare("duplicates", expect.duplicates.map(|count| count.to_string()), self.duplicates.to_string());
        compare("people", expect.people.map(|count| count.to_string()), self.people.len().to_string());
        let names: BTreeSet<&String> = self.events.keys().collect();
        compare(
            "events",
            expect.events.as_ref().map(|names| json!(names).to_string()),
            json!(names).to_string(),
        );
        let bookings = expect.bookings.as_ref().map(|bookings| json!(bookings).to_string());
        compare("bookings", bookings, json!(self.standing()).to_string());
        told
    }

    fn to_json(&self) -> Value {
        json!({
            "statuses": self.statuses,
            "duplicates": self.duplicates,
            "people": self.people,
            "events": self.events,
            "bookings": self.standing(),
            "deliveries": self.deliveries,
        })
    }

    /// Shows it, and how it differs.
    ///
    /// # Errors
    /// When nothing can be shown.
    pub(super) fn show(&self, out: &Out, differences: &[String]) -> anyhow::Result<()> {
        if out.is_json() {
            return Ok(out.json_line(&json!({ "made": self.to_json(), "differences": differences }))?);
        }
        let counted = |counts: Vec<(String, usize)>| {
            let all: Vec<String> =
                counts.into_iter().map(|(what, count)| format!("{count} × {what}")).collect();
            if all.is_empty() { "none".to_owned() } else { all.join(", ") }
        };
        let owned = |counts: &BTreeMap<&'static str, usize>| {
            counts.iter().map(|(what, count)| ((*what).to_owned(), *count)).collect::<Vec<_>>()
        };
        for (what, words) in [
            ("messages", counted(self.statuses.clone().into_iter().collect())),
            ("people", self.people.len().to_string()),
            ("events", counted(self.events.clone().into_iter().collect())),
            ("bookings", counted(self.standing().into_iter().collect())),
            ("deliveries", counted(owned(&self.deliveries))),
        ] {
            out.text(&Text::new().with(Style::Bold, format!("   {what:<11}")).plain(words))?;
        }
        for difference in differences {
            out.text(&Text::new().with(Style::Bad, format!("   {difference}")))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tributary_proto::admin::v1::{Event, EventTrace, Message, RunTrace};

    use super::*;

    fn traced(name: &str, profile: &str, withheld: &str) -> MessageTrace {
        let event = Event {
            event_name: name.to_owned(),
            profile: profile.to_owned(),
            withheld_reason: withheld.to_owned(),
            ..Event::default()
        };
        let events = vec![EventTrace { event: Some(event), ..EventTrace::default() }];
        MessageTrace {
            message: Some(Message::default()),
            runs: vec![RunTrace { events, ..RunTrace::default() }],
            ..MessageTrace::default()
        }
    }

    #[test]
    fn what_differs_is_told_and_what_is_not_expected_is_not_looked_at() {
        let mut made = Made::default();
        made.add(&traced("Schedule", "a", ""));
        made.add(&traced("Schedule", "a", ""));
        made.add(&traced("Other", "b", "one_booking"));
        assert_eq!(made.differences(&Expect::default()), [""; 0]);
        let right = Expect {
            duplicates: Some(0),
            people: Some(2),
            events: Some(["Schedule".to_owned()].into()),
            bookings: Some(BTreeMap::new()),
        };
        assert_eq!(made.differences(&right), [""; 0]);
        let wrong = Expect {
            duplicates: Some(1),
            people: Some(1),
            events: Some(["Other".to_owned()].into()),
            bookings: Some([("booked".to_owned(), 1)].into()),
        };
        assert_eq!(
            made.differences(&wrong),
            [
                "duplicates: expected 1, found 0",
                "people: expected 1, found 2",
                r#"events: expected ["Other"], found ["Schedule"]"#,
                r#"bookings: expected {"booked":1}, found {}"#,
            ]
        );
    }
}
