//! Backtests: how what a workflow would make of messages differs from what happened. The report holds no values of
//! messages: names of fields, codes and ids only. The name of an event may be a value too, and is in it only where it is
//! known to be none.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    event::EventData,
    id::{DeliveryId, DestinationId, EventId, MessageId, ProfileId},
    identity::Step,
    workflow::{catalogue, event::EventDraft, status::RunStatus},
};

/// How many examples there are of each kind of difference at most.
pub const EXAMPLES: usize = 10;
/// How many fields are counted by name; what differs in others is counted under [`OTHER_FIELDS`].
const FIELDS: usize = 500;
/// Where differences in fields are counted that are too many to name.
pub const OTHER_FIELDS: &str = "others";
/// A longer name of an event is cut in examples.
const NAME: usize = 60;

/// What can differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Difference {
    /// How the run ends.
    Status,
    /// An event would be made that was not.
    EventAdded,
    /// An event that was made would not be.
    EventLost,
    /// An event would have other fields.
    EventChanged,
    /// A delivery would be made that was not.
    DeliveryAdded,
    /// A delivery that was made would not be.
    DeliveryLost,
    /// An event would belong to somebody else, or to nobody.
    OtherProfile,
    /// A person would be made.
    NewProfile,
    /// Two people would become one.
    Merge,
    /// A join would be refused.
    Conflict,
}

/// One example of a difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Example {
    /// What differs.
    pub difference: Difference,
    /// In which message.
    pub message: MessageId,
    /// In which of its events.
    pub event: Option<EventId>,
    /// How, in a line.
    pub text: String,
}

/// How often something is as it was, and how often not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// As it was.
    pub same: u64,
    /// Would be there, and was not.
    pub added: u64,
    /// Was there, and would not be.
    pub lost: u64,
    /// Would be there as it was not.
    pub changed: u64,
}

/// Whose the events would be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Whose {
    /// The same person's as before.
    pub same: u64,
    /// Another person's than before, or nobody's.
    pub other: u64,
    /// A person's who would be made.
    pub new: u64,
    /// Of an event that was not there: somebody's who is known.
    pub known: u64,
    /// Of an event that was not there: nobody's.
    pub nobody: u64,
    /// Merges that would come.
    pub merges: u64,
    /// Refused joins that would come.
    pub conflicts: u64,
}

/// What a backtest found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// How many messages were compared.
    pub messages: u64,
    /// Of how many of them nothing differs.
    pub same: u64,
    /// How many could not be compared, as their bodies were removed for their age.
    pub without_body: u64,
    /// How many were left out, as they wait to be processed.
    pub waiting: u64,
    /// Messages by how the run had ended and how it would end, as codes; empty: the workflow had not run.
    pub statuses: BTreeMap<String, BTreeMap<String, u64>>,
    /// Events.
    pub events: Tally,
    /// In how many events each field differs, such as `user_traits.email`.
    pub fields: BTreeMap<String, u64>,
    /// Deliveries.
    pub deliveries: Tally,
    /// Whose the events would be.
    pub identity: Whose,
    /// After how many messages identity could not be followed any more, as too much had changed; unset: it could.
    pub followed: Option<u64>,
    /// Examples, in the order of the messages.
    pub examples: Vec<Example>,
}

/// How a message stands with one workflow, or would.
#[derive(Debug, Default)]
pub struct Stand<'a> {
    /// The name of all of its events, where the workflow has one for all.
    pub name: Option<&'a str>,
    /// How the run ended; none: the workflow did not run.
    pub status: Option<RunStatus>,
    /// Its events: whose they are, and what is known of them.
    pub events: BTreeMap<EventId, (Option<ProfileId>, &'a EventData)>,
    /// What is left of earlier runs, and the last one did not make.
    pub earlier: BTreeMap<EventId, (Option<ProfileId>, &'a EventData)>,
    /// The deliveries that are there, with where they go.
    pub deliveries: BTreeMap<DeliveryId, DestinationId>,
}

impl Report {
    /// Compares how a message stood `then` with how it would stand `now`.
    pub fn compare(&mut self, message: MessageId, then: &Stand<'_>, now: &Stand<'_>) {
        let before = self.differences();
        self.messages += 1;
        self.status(message, then.status, now.status);
        for (event, made) in &now.events {
            match then.events.get(event) {
                Some(was) => self.event(*event, *was, *made),
                None => self.event_added(*event, *made, then.earlier.get(event).copied(), now.name),
            }
        }
        for (event, (_, data)) in then.events.iter().filter(|(event, _)| !now.events.contains_key(event)) {
            self.events.lost += 1;
            self.example(Difference::EventLost, message, Some(*event), || {
                format!("{} would not be made", named(&data.draft, now.name))
            });
        }
        for (delivery, destination) in &now.deliveries {
            if then.deliveries.contains_key(delivery) {
                self.deliveries.same += 1;
            } else {
                self.deliveries.added += 1;
                self.example(Difference::DeliveryAdded, message, None, || {
                    format!("would go to {destination}")
                });
            }
        }
        for (_, destination) in
            then.deliveries.iter().filter(|(delivery, _)| !now.deliveries.contains_key(delivery))
        {
            self.deliveries.lost += 1;
            self.example(Difference::DeliveryLost, message, None, || {
                format!("went to {destination}, and would not")
            });
        }
        if self.differences() == before {
            self.same += 1;
        }
    }

    /// Whether something was compared, nothing differs, and everything could be compared.
    pub fn is_same(&self) -> bool {
        let is_whole = self.without_body == 0 && self.waiting == 0 && self.followed.is_none();
        self.messages > 0 && self.same == self.messages && is_whole
    }

    /// How much differs so far.
    fn differences(&self) -> u64 {
        let tally = |tally: &Tally| tally.added + tally.lost + tally.changed;
        let identity = &self.identity;
        let statuses = self
            .statuses
            .iter()
            .flat_map(|(then, now)| now.iter().filter(move |(now, _)| *now != then).map(|(_, count)| *count));
        tally(&self.events)
            + tally(&self.deliveries)
            + identity.other
            + identity.new
            + identity.merges
            + identity.conflicts
            + statuses.sum::<u64>()
    }

    fn status(&mut self, message: MessageId, then: Option<RunStatus>, now: Option<RunStatus>) {
        let code = |status: Option<RunStatus>| status.map_or("", RunStatus::code).to_owned();
        *self.statuses.entry(code(then)).or_default().entry(code(now)).or_default() += 1;
        if then != now {
            let words = |status: Option<RunStatus>| status.map_or("no run", RunStatus::display_name);
            self.example(Difference::Status, message, None, || {
                format!("was {}, would be {}", words(then), words(now))
            });
        }
    }

    fn event(
        &mut self,
        event: EventId,
        then: (Option<ProfileId>, &EventData),
        now: (Option<ProfileId>, &EventData),
    ) {
        let fields = changed_fields(&then.1.draft, &now.1.draft);
        if fields.is_empty() {
            self.events.same += 1;
        } else {
            self.events.changed += 1;
            self.example(Difference::EventChanged, event.message(), Some(event), || {
                format!("{} would differ", fields.iter().cloned().collect::<Vec<_>>().join(", "))
            });
            for field in fields {
                let is_named = self.fields.len() < FIELDS || self.fields.contains_key(&field);
                let field = if is_named { field } else { OTHER_FIELDS.to_owned() };
                *self.fields.entry(field).or_default() += 1;
            }
        }
        // What an event had come to stays told before what it would come to besides.
        let steps = now.1.steps.get(then.1.steps.len()..).unwrap_or_default();
        self.joins(event, steps);
        if then.0 == now.0 {
            self.identity.same += 1;
        } else if is_new(now) {
            self.new_profile(event);
        } else {
            self.identity.other += 1;
            let id = |profile: Option<ProfileId>| profile.map_or("nobody".to_owned(), |id| id.to_string());
            self.example(Difference::OtherProfile, event.message(), Some(event), || {
                format!("belongs to {}, would belong to {}", id(then.0), id(now.0))
            });
        }
    }

    fn event_added(
        &mut self,
        event: EventId,
        now: (Option<ProfileId>, &EventData),
        earlier: Option<(Option<ProfileId>, &EventData)>,
        constant: Option<&str>,
    ) {
        self.events.added += 1;
        self.example(Difference::EventAdded, event.message(), Some(event), || {
            format!("{} would be made", named(&now.1.draft, constant))
        });
        let told = earlier.map_or(0, |(_, data)| data.steps.len());
        self.joins(event, now.1.steps.get(told..).unwrap_or_default());
        let is_there = earlier.is_some_and(|(profile, _)| profile == now.0);
        match now.0 {
            None => self.identity.nobody += 1,
            Some(_) if is_new(now) && !is_there => self.new_profile(event),
            Some(_) => self.identity.known += 1,
        }
    }

    fn new_profile(&mut self, event: EventId) {
        self.identity.new += 1;
        self.example(Difference::NewProfile, event.message(), Some(event), || {
            "a person would be made for it".to_owned()
        });
    }

    fn joins(&mut self, event: EventId, steps: &[Step]) {
        for step in steps {
            match step {
                Step::Merged { winner, loser, by } => {
                    self.identity.merges += 1;
                    self.example(Difference::Merge, event.message(), Some(event), || {
                        format!("{loser} would become part of {winner}, by {}", by.kind)
                    });
                }
                Step::Refused { identifier, rule, other } => {
                    self.identity.conflicts += 1;
                    self.example(Difference::Conflict, event.message(), Some(event), || {
                        format!("{} would not join {other}: {}", identifier.kind, rule.as_str())
                    });
                }
                Step::Matched { .. }
                | Step::Created { .. }
                | Step::Attached { .. }
                | Step::Blocked { .. } => {}
            }
        }
    }

    fn example(
        &mut self,
        difference: Difference,
        message: MessageId,
        event: Option<EventId>,
        text: impl FnOnce() -> String,
    ) {
        let known = self.examples.iter().filter(|example| example.difference == difference).count();
        if known < EXAMPLES {
            self.examples.push(Example { difference, message, event, text: text() });
        }
    }
}

/// Whether the event would make the person whose it would be.
fn is_new((profile, data): (Option<ProfileId>, &EventData)) -> bool {
    data.steps.iter().any(|step| matches!(step, Step::Created { profile: made } if Some(*made) == profile))
}

/// What an event is called in an example: any other name than a standard one, or the workflow's own, may be of a message.
fn named(draft: &EventDraft, constant: Option<&str>) -> String {
    let name = draft.name.as_str();
    if !name.is_empty() && (catalogue::event_named(name).is_some() || constant == Some(name)) {
        name.chars().take(NAME).collect()
    } else {
        "an event".to_owned()
    }
}

/// The fields in which two events differ, by what fills them.
fn changed_fields(then: &EventDraft, now: &EventDraft) -> BTreeSet<String> {
    let mut changed = BTreeSet::new();
    for (name, differs) in [
        ("kind", then.kind != now.kind),
        ("event_name", then.name != now.name),
        ("event_time", then.time != now.time),
        ("event_id", then.dedupe_id != now.dedupe_id),
    ] {
        if differs {
            changed.insert(name.to_owned());
        }
    }
    let identifiers = |draft: &EventDraft| -> BTreeMap<String, String> {
        let all = draft.identifiers.iter();
        all.map(|identifier| (identifier.kind.to_string(), identifier.value.clone())).collect()
    };
    keys(&mut changed, "identifiers", &identifiers(then), &identifiers(now));
    keys(&mut changed, "group_identities", &then.groups, &now.groups);
    for (section, then, now) in [
        ("user_traits", &then.traits, &now.traits),
        ("event_attributes", &then.attributes, &now.attributes),
        ("group_traits", &then.group_traits, &now.group_traits),
        ("consents", &then.consents, &now.consents),
    ] {
        let map = |fields: &Map<String, Value>| -> BTreeMap<String, Value> {
            fields.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
        };
        if then != now {
            keys(&mut changed, section, &map(then), &map(now));
        }
    }
    changed
}

fn keys<V: PartialEq>(
    changed: &mut BTreeSet<String>,
    section: &str,
    then: &BTreeMap<String, V>,
    now: &BTreeMap<String, V>,
) {
    let all = then.keys().chain(now.keys());
    changed.extend(all.filter(|key| then.get(*key) != now.get(*key)).map(|key| format!("{section}.{key}")));
}

#[cfg(test)]
mod tests;
