//! Traits of a person: the last write wins, by the time it happened.

use std::{borrow::Cow, cmp::Ordering, collections::BTreeMap, fmt, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Evidence;
use crate::{consent::Consent, time::Timestamp};

/// How far ahead of its arrival an event may date itself; a clock that is wrong must not pin a value for years.
pub const FUTURE_TOLERANCE: Duration = Duration::from_secs(300);

/// What the names of consents begin with among traits, whose own names have no such character.
const CONSENT: char = '\u{1}';
/// What stands among traits for that what was heard last of somebody was a test.
const TEST: &str = "\u{2}test";

/// What an event says of a person: its traits, and beside them its consents, which are remembered as traits are. A consent
/// that says neither yes nor no is left out: it takes nothing back that was said.
pub fn with_consents<'a>(
    traits: &'a Map<String, Value>,
    consents: &Map<String, Value>,
) -> Cow<'a, Map<String, Value>> {
    let mut consents =
        consents.iter().filter(|(_, value)| Consent::of(Some(value)) != Consent::Unknown).peekable();
    if consents.peek().is_none() {
        return Cow::Borrowed(traits);
    }
    let consents = consents.map(|(name, value)| (format!("{CONSENT}{name}"), value.clone()));
    Cow::Owned(traits.iter().map(|(name, value)| (name.clone(), value.clone())).chain(consents).collect())
}

/// What an event says of a person, with whether it is of a test message where the tenant has tests: what was heard of a person
/// last says whether they are somebody who tries things out.
pub fn with_test(said: Cow<'_, Map<String, Value>>, is_test: Option<bool>) -> Cow<'_, Map<String, Value>> {
    let Some(is_test) = is_test else { return said };
    let mut said = said.into_owned();
    said.insert(TEST.to_owned(), Value::Bool(is_test));
    Cow::Owned(said)
}

/// The time that an event counts with: its own, but at most [`FUTURE_TOLERANCE`] after its arrival.
pub fn clamped_time(event_time: Timestamp, received: Timestamp) -> Timestamp {
    event_time.min(received.plus(FUTURE_TOLERANCE))
}

/// One trait: a value or that it was cleared, and when.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Trait {
    /// The value; nothing when it was cleared. That it was cleared is remembered, so that older news do not bring
    /// it back.
    #[serde(rename = "v", default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// When it became so: the event's time, at most [`FUTURE_TOLERANCE`] after its arrival.
    #[serde(rename = "t")]
    pub time: Timestamp,
    /// The place in the log of the message that said so.
    #[serde(rename = "s")]
    pub sequence: u64,
}

impl Trait {
    /// Which of two writes is the later one. A total order: events of one message have one sequence, and there a
    /// value comes after a clear, and the texts of two values decide.
    fn order(&self, other: &Self) -> Ordering {
        let text = |write: &Self| write.value.as_ref().map(Value::to_string);
        let by_time = (self.time, self.sequence).cmp(&(other.time, other.sequence));
        by_time.then_with(|| text(self).cmp(&text(other)))
    }
}

impl fmt::Debug for Trait {
    /// Does not tell the value, which may be personal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.value.is_some() { "set" } else { "cleared" };
        write!(f, "{state} at {} by {}", self.time, self.sequence)
    }
}

/// All traits of a profile by name, and its consents. Merging is commutative, associative and idempotent.
///
/// As JSON: `{"name":{"v":"Ann","t":1767225600000000,"s":7}}`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Traits(BTreeMap<String, Trait>);

impl Traits {
    /// Takes over the traits of an event, each where it is later than what is known; says whether any was.
    pub(super) fn apply(&mut self, evidence: &Evidence<'_>) -> bool {
        let time = clamped_time(evidence.event_time, evidence.received);
        self.observe(evidence.traits, time, evidence.sequence)
    }

    /// Takes over `traits` (null clears) that became so at `time`, already clamped, each where it is later than what
    /// is known; says whether any was.
    pub fn observe(&mut self, traits: &Map<String, Value>, time: Timestamp, sequence: u64) -> bool {
        let mut changed = false;
        for (name, value) in traits {
            let value = (!value.is_null()).then(|| value.clone());
            changed |= self.write(name, Trait { value, time, sequence });
        }
        changed
    }

    /// Takes over the traits of another profile, each where it is later.
    pub(super) fn merge(&mut self, other: &Self) {
        for (name, theirs) in &other.0 {
            self.write(name, theirs.clone());
        }
    }

    fn write(&mut self, name: &str, write: Trait) -> bool {
        match self.0.get_mut(name) {
            Some(known) if known.order(&write).is_ge() => false,
            Some(known) => {
                *known = write;
                true
            }
            None => {
                self.0.insert(name.to_owned(), write);
                true
            }
        }
    }

    /// The value of a trait; nothing when it was never set, or cleared.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)?.value.as_ref()
    }

    /// Every write of a trait that counts, in the order of the names; cleared ones among them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Trait)> {
        self.0
            .iter()
            .filter(|(name, _)| !name.starts_with(CONSENT) && *name != TEST)
            .map(|(name, write)| (name.as_str(), write))
    }

    /// The values of traits as they are now, without what was cleared.
    pub fn values(&self) -> Map<String, Value> {
        self.iter().filter_map(|(name, write)| Some((name.to_owned(), write.value.clone()?))).collect()
    }

    /// What was said last of a consent; nothing when nothing was.
    pub fn consent(&self, name: &str) -> Option<&Value> {
        self.get(&format!("{CONSENT}{name}"))
    }

    /// What was said last of each consent, in the order of their names.
    pub fn consents(&self) -> impl Iterator<Item = (&str, &Trait)> {
        self.0.iter().filter_map(|(name, write)| Some((name.strip_prefix(CONSENT)?, write)))
    }

    /// Whether what was heard of them last was a test.
    pub fn is_test(&self) -> bool {
        self.get(TEST) == Some(&Value::Bool(true))
    }

    /// Forgets everything but the consents.
    pub(super) fn keep_consents(&mut self) {
        self.0.retain(|name, _| name.starts_with(CONSENT));
    }

    /// Whether nothing is known.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_says_nothing_takes_no_word_back() {
        let object = |value: Value| value.as_object().cloned().expect("an object");
        let mut known = Traits::default();
        for (second, value) in
            [json!("no"), json!(null), json!(""), json!("maybe"), json!([])].into_iter().enumerate()
        {
            let said = object(json!({"ads": value}));
            let time = Timestamp::from_seconds(i64::try_from(second).expect("small"));
            known.observe(&with_consents(&Map::new(), &said), time, 1);
        }
        assert_eq!(known.consent("ads"), Some(&json!("no")));
        known.observe(&with_consents(&Map::new(), &object(json!({"ads": 1}))), Timestamp::from_seconds(9), 2);
        assert_eq!(known.consent("ads"), Some(&json!(1)));
    }

    #[test]
    fn who_tries_things_out_is_who_was_last_heard_of_in_a_test() {
        let mut known = Traits::default();
        let said = Map::from_iter([("name".to_owned(), json!("Ann"))]);
        for (second, is_test, expected) in
            [(1, None, false), (2, Some(true), true), (3, Some(false), false), (2, Some(true), false)]
        {
            let said = with_test(Cow::Borrowed(&said), is_test);
            known.observe(&said, Timestamp::from_seconds(second), 1);
            assert_eq!(known.is_test(), expected);
            assert_eq!(known.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["name"], "it is no trait");
        }
    }
}
