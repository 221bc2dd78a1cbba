//! A short way to write examples: one tenant, events as lists of `type:value`, each event a batch of its own.

use std::time::Duration;

use serde_json::{Map, Value, json};
use tributary_domain::{
    id::{EventId, MessageId, ProfileId, WorkflowId},
    identity::{Changes, Decision, Evidence, Guard, Identifier, IdentifierType, Refusal, Rules, Step, View},
    time::Timestamp,
};

use crate::rows::Rows;

pub(crate) const MINUTE: i64 = 60;

/// `crm:7` is short for `external_id:crm` with the value `7`.
pub(crate) fn identifier(text: &str) -> Identifier {
    let (kind, value) = text.split_once(':').unwrap();
    let kind = IdentifierType::parse(kind).or_else(|| IdentifierType::parse(&format!("external_id:{kind}")));
    Identifier { kind: kind.unwrap(), value: value.to_owned(), raw: None }
}

pub(crate) struct Scene {
    pub(crate) rules: Rules,
    pub(crate) rows: Rows,
    sequence: u64,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let guard = Guard { people: 20, window: Duration::from_secs(7 * 24 * 3_600) };
        let rules = Rules { strong_limit: 5, weak_limit: 1, blocked: Default::default(), guard };
        Self { rules, rows: Rows::default(), sequence: 0 }
    }

    /// An event with these identifiers.
    pub(crate) fn event(&mut self, identifiers: &[&str]) -> Decision {
        self.event_with(identifiers, 0, json!({}))
    }

    /// An event with traits that is dated `seconds` after its arrival; message n arrives n hours after the epoch.
    pub(crate) fn event_with(&mut self, identifiers: &[&str], seconds: i64, traits: Value) -> Decision {
        let identifiers: Vec<_> = identifiers.iter().map(|text| identifier(text)).collect();
        let mut view = self.rows.view(identifiers.iter());
        let decision = self.resolve(&mut view, &identifiers, seconds, traits);
        self.write(view.take_changes());
        decision
    }

    /// The event of an earlier message, processed once more at its place in the order of acceptance.
    pub(crate) fn again(&mut self, message: u64, identifiers: &[&str]) -> Decision {
        let last = std::mem::replace(&mut self.sequence, message - 1);
        let decision = self.event(identifiers);
        self.sequence = last;
        decision
    }

    /// The same in a view that is the caller's.
    pub(crate) fn resolve(
        &mut self,
        view: &mut View,
        identifiers: &[Identifier],
        seconds: i64,
        traits: Value,
    ) -> Decision {
        self.sequence += 1;
        let message = MessageId::new(self.sequence, 0);
        let received = Timestamp::from_seconds(self.sequence as i64 * 60 * MINUTE);
        let evidence = Evidence {
            event: EventId::derive(message, WorkflowId::new(0, 0), 0),
            sequence: self.sequence,
            received,
            event_time: Timestamp::from_seconds(received.seconds() + seconds),
            identifiers,
            traits: &serde_json::from_value::<Map<String, Value>>(traits).unwrap(),
            new_profile: ProfileId::derived(message, &[]),
            earlier: None,
        };
        view.resolve(&self.rules, &evidence).unwrap()
    }

    pub(crate) fn write(&mut self, changes: Changes) {
        self.rows.write(changes).unwrap();
        self.rows.check().unwrap();
    }

    /// The live owner of an identifier.
    pub(crate) fn owner(&self, text: &str) -> Option<ProfileId> {
        let identifier = identifier(text);
        self.rows.owner(identifier.kind.as_str(), &identifier.value)
    }

    pub(crate) fn live_profiles(&self) -> usize {
        self.rows.profiles.values().filter(|row| row.merged_into.is_none()).count()
    }

    /// Every conflict: rule, identifier, the two profiles, how often.
    pub(crate) fn conflicts(&self) -> Vec<(Refusal, Identifier, ProfileId, ProfileId, u64)> {
        let conflicts = self.rows.conflicts.values();
        conflicts
            .map(|row| &row.conflict)
            .map(|c| (c.rule, c.identifier.clone(), c.profile, c.other, c.count))
            .collect()
    }
}

/// The refusals among the steps.
pub(crate) fn refusals(decision: &Decision) -> Vec<(Refusal, Identifier, ProfileId)> {
    let refusal = |step: &Step| match step {
        Step::Refused { identifier, rule, other } => Some((*rule, identifier.clone(), *other)),
        _ => None,
    };
    decision.steps.iter().filter_map(refusal).collect()
}
