//! A scenario: what a provider sends in which order, and what is to come of it. A YAML file, in the words below.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use anyhow::{Context, anyhow, bail};
use serde::Deserialize;
use serde_json::Value;

use crate::cli::code::yaml;

/// The scenarios that the binary brings along.
const BUILT_IN: [(&str, &str); 17] = [
    ("calendly_booking", include_str!("../../../scenarios/calendly_booking.yaml")),
    ("calendly_moved", include_str!("../../../scenarios/calendly_moved.yaml")),
    ("calendly_moved_new_first", include_str!("../../../scenarios/calendly_moved_new_first.yaml")),
    ("calendly_canceled", include_str!("../../../scenarios/calendly_canceled.yaml")),
    ("calendly_canceled_first", include_str!("../../../scenarios/calendly_canceled_first.yaml")),
    ("calendly_no_show", include_str!("../../../scenarios/calendly_no_show.yaml")),
    ("calendly_duplicates", include_str!("../../../scenarios/calendly_duplicates.yaml")),
    ("calendly_race", include_str!("../../../scenarios/calendly_race.yaml")),
    ("calendly_redelivered", include_str!("../../../scenarios/calendly_redelivered.yaml")),
    ("calcom_moved_and_canceled", include_str!("../../../scenarios/calcom_moved_and_canceled.yaml")),
    ("stripe_purchase", include_str!("../../../scenarios/stripe_purchase.yaml")),
    ("shopify_orders", include_str!("../../../scenarios/shopify_orders.yaml")),
    ("woocommerce_orders", include_str!("../../../scenarios/woocommerce_orders.yaml")),
    ("typeform_response", include_str!("../../../scenarios/typeform_response.yaml")),
    ("hubspot_contacts", include_str!("../../../scenarios/hubspot_contacts.yaml")),
    ("webhooks_in_any_order", include_str!("../../../scenarios/webhooks_in_any_order.yaml")),
    ("form_sent_twice", include_str!("../../../scenarios/form_sent_twice.yaml")),
];

/// The most messages that a step sends: it is a laboratory, and no load test.
const MOST_AT_ONCE: usize = 1_000;

/// What a provider sends, in which order, and what is to come of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scenario {
    /// What it shows, in a sentence or two.
    pub(super) about: String,
    /// Who sends.
    pub(super) provider: String,
    /// The messages, by the names that steps have for them.
    pub(super) messages: BTreeMap<String, Message>,
    /// What is sent, one step after the other.
    pub(super) steps: Vec<Step>,
    /// What is to come of all of it.
    #[serde(default)]
    pub(super) expect: Expect,
}

/// A message: the provider's sample, or another message, with what differs.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Message {
    /// The message that it begins with; unset: the provider's sample.
    pub(super) from: Option<String>,
    /// The event, for providers that name it in a header; unset: that of what it begins with.
    pub(super) event: Option<String>,
    /// Values by JSON pointer; texts may have `${…}` in them.
    pub(super) set: BTreeMap<String, Value>,
    /// JSON pointers of members that are not there.
    pub(super) remove: Vec<String>,
}

/// Messages that are sent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Step {
    /// Which, in their order. One that was sent before is sent as the same delivery, signed anew.
    pub(super) send: Vec<String>,
    /// How often each.
    #[serde(default = "once")]
    pub(super) times: usize,
    /// Whether none waits for the answer to the one before.
    #[serde(default)]
    pub(super) at_once: bool,
    /// How they are signed.
    #[serde(default)]
    pub(super) signed: Signed,
    /// The HTTP status of the answers.
    #[serde(default = "accepted")]
    pub(super) answer: u16,
}

/// How a message is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Signed {
    /// With the source's key, now.
    #[default]
    Right,
    /// With another key.
    Wrong,
    /// Two days ago, for providers that sign the time.
    Late,
    /// Not at all.
    Not,
}

/// What is to come of a scenario; what is unset is not looked at.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Expect {
    /// Messages that came before.
    pub(super) duplicates: Option<usize>,
    /// People whom the events are of.
    pub(super) people: Option<usize>,
    /// The names of the events that were made, not withheld, and say nothing of an earlier one.
    pub(super) events: Option<BTreeSet<String>>,
    /// How many bookings there are in each state: `booked`, `rescheduled`, `cancelled`, `no show`.
    pub(super) bookings: Option<BTreeMap<String, usize>>,
}

fn once() -> usize {
    1
}

fn accepted() -> u16 {
    202
}

/// The names of the scenarios that are here without a file.
pub(super) fn built_in() -> impl Iterator<Item = &'static str> {
    BUILT_IN.iter().map(|(name, _)| *name)
}

/// The scenario of this name, or in this file.
///
/// # Errors
/// When there is none such, or it cannot be read.
pub(super) fn find(name: &str) -> anyhow::Result<Scenario> {
    if let Some((_, text)) = BUILT_IN.iter().find(|(known, _)| *known == name) {
        return read(text).with_context(|| format!("the scenario {name}"));
    }
    if !Path::new(name).is_file() {
        bail!("there is neither a scenario nor a file {name}: `tributary dev --list` shows the scenarios");
    }
    let text = std::fs::read_to_string(name).with_context(|| format!("cannot read {name}"))?;
    read(&text).with_context(|| name.to_owned())
}

fn read(text: &str) -> anyhow::Result<Scenario> {
    let documents = yaml::read(text).map_err(|(line, message)| anyhow!("line {line}: {message}"))?;
    let Ok([document]) = <[_; 1]>::try_from(documents) else { bail!("one YAML document is expected") };
    let scenario: Scenario = serde_json::from_value(document.value)?;
    scenario.check()?;
    Ok(scenario)
}

impl Scenario {
    fn check(&self) -> anyhow::Result<()> {
        for (name, message) in &self.messages {
            // Each begins with one that is there, and in the end with the sample.
            let (mut at, mut seen) = (message, BTreeSet::from([name]));
            while let Some(from) = &at.from {
                at = self
                    .messages
                    .get(from)
                    .ok_or_else(|| anyhow!("message {name}: there is no message {from}"))?;
                if !seen.insert(from) {
                    bail!("message {name}: it begins with itself");
                }
            }
        }
        for (index, step) in self.steps.iter().enumerate() {
            let number = index + 1;
            if let Some(unknown) = step.send.iter().find(|name| !self.messages.contains_key(*name)) {
                bail!("step {number}: there is no message {unknown}");
            }
            if !(1..=MOST_AT_ONCE).contains(&(step.send.len() * step.times)) {
                bail!("step {number}: 1 to {MOST_AT_ONCE} messages are sent in a step");
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_binary_brings_along_can_be_read_and_expects_something() {
        for (name, _) in BUILT_IN {
            let scenario = find(name).unwrap();
            assert!(!scenario.about.is_empty() && !scenario.steps.is_empty(), "{name}");
            assert!(scenario.expect.people.is_some() && scenario.expect.events.is_some(), "{name}");
        }
    }

    #[test]
    fn what_is_wrong_is_told() {
        let told = |rest: &str| {
            let text = format!("about: a\nprovider: calendly\n{rest}");
            format!("{:#}", read(&text).unwrap_err())
        };
        for (rest, expected) in [
            ("messages: {a: {}}\nsteps: [{send: [b]}]", "step 1: there is no message b"),
            ("messages: {a: {from: b}}\nsteps: []", "message a: there is no message b"),
            ("messages: {a: {from: b}, b: {from: a}}\nsteps: []", "begins with itself"),
            ("messages: {a: {}}\nsteps: [{send: [a], times: 0}]", "step 1: 1 to 1000"),
            ("messages: {a: {}}\nsteps: [{send: [a], signed: badly}]", "unknown variant `badly`"),
            ("messages: {a: {sett: {}}}\nsteps: []", "unknown field `sett`"),
            ("messages: {}\nsteps: []\nexpect: {persons: 1}", "unknown field `persons`"),
            ("messages: {a: [}", "not YAML"),
        ] {
            assert!(told(rest).contains(expected), "{rest}: {}", told(rest));
        }
        assert!(find("no such scenario").is_err());
    }
}
