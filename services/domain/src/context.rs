//! Browser context: what the visitor's browser session is known by at the ad platforms. It is kept by cluid, with
//! the time of each field, and reaches an event through its cluid even where identity refused to join the two.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::time::Timestamp;

/// The event attributes that describe the browser session. `utm_term` is not among them: on a booking it carries
/// the cluid itself.
pub const FIELDS: [&str; 25] = [
    "dclid",
    "epik",
    "fbc",
    "fbclid",
    "fbp",
    "ga_client_id",
    "gbraid",
    "gclid",
    "ip",
    "landing_page",
    "li_fat_id",
    "msclkid",
    "rdt_cid",
    "referrer",
    "sc_click_id",
    "ttclid",
    "ttp",
    "twclid",
    "url",
    "user_agent",
    "utm_campaign",
    "utm_content",
    "utm_medium",
    "utm_source",
    "wbraid",
];

/// What is known of one browser session.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(from = "Vec<Observation>", into = "Vec<Observation>")]
pub struct BrowserContext(BTreeMap<String, Field>);

#[derive(Debug, Clone, PartialEq)]
struct Field {
    value: Value,
    seen: (i64, u64),
}

/// The fields that were seen together, as they are stored: their time is written once, for every cluid pays for it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Observation {
    t: i64,
    s: u64,
    v: Map<String, Value>,
}

impl BrowserContext {
    /// Takes over the browser fields of an event's `attributes`, seen at `time` (already clamped) and applied at
    /// `sequence`; a field keeps its latest value. Returns whether anything changed.
    pub fn observe(&mut self, attributes: &Map<String, Value>, time: Timestamp, sequence: u64) -> bool {
        let mut changed = false;
        for name in FIELDS {
            let Some(value) = attributes.get(name).filter(|value| !value.is_null()) else { continue };
            let seen = (time.micros(), sequence);
            let newer = self.0.get(name).is_none_or(|known| known.seen < seen);
            if newer {
                // Also the same value seen later counts: it decides whether one that was seen between wins.
                changed = true;
                self.0.insert(name.to_owned(), Field { value: value.clone(), seen });
            }
        }
        changed
    }

    /// The fields and their values.
    pub fn values(&self) -> Map<String, Value> {
        self.0.iter().map(|(name, field)| (name.clone(), field.value.clone())).collect()
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<BrowserContext> for Vec<Observation> {
    fn from(context: BrowserContext) -> Self {
        let mut observations: BTreeMap<(i64, u64), Map<String, Value>> = BTreeMap::new();
        for (name, field) in context.0 {
            observations.entry(field.seen).or_default().insert(name, field.value);
        }
        observations.into_iter().map(|((t, s), v)| Observation { t, s, v }).collect()
    }
}

impl From<Vec<Observation>> for BrowserContext {
    fn from(observations: Vec<Observation>) -> Self {
        let fields = observations.into_iter().flat_map(|Observation { t, s, v }| {
            v.into_iter().map(move |(name, value)| (name, Field { value, seen: (t, s) }))
        });
        Self(fields.collect())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn attributes(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(map) => map,
            other => panic!("not an object: {other}"),
        }
    }

    #[test]
    fn the_latest_value_of_each_field_is_kept_whatever_the_order_of_arrival() {
        let early = attributes(json!({"fbp": "fb.1.1", "gclid": "a", "utm_term": "never"}));
        let late = attributes(json!({"fbp": "fb.1.2", "gclid": null}));
        let mut forward = BrowserContext::default();
        assert!(forward.observe(&early, Timestamp::from_seconds(1), 1));
        assert!(forward.observe(&late, Timestamp::from_seconds(2), 2));
        let mut backward = BrowserContext::default();
        assert!(backward.observe(&late, Timestamp::from_seconds(2), 2));
        assert!(backward.observe(&early, Timestamp::from_seconds(1), 1));
        assert_eq!(forward, backward);
        assert_eq!(Value::Object(forward.values()), json!({"fbp": "fb.1.2", "gclid": "a"}));
        assert!(!forward.observe(&early, Timestamp::from_seconds(1), 1), "nothing new");
    }

    #[test]
    fn the_same_value_seen_later_still_wins_over_another_seen_between() {
        let (one, other) = (attributes(json!({"fbp": "one"})), attributes(json!({"fbp": "other"})));
        let mut context = BrowserContext::default();
        context.observe(&one, Timestamp::from_seconds(1), 1);
        assert!(context.observe(&one, Timestamp::from_seconds(3), 2), "what is stored has to know of it");
        assert!(!context.observe(&other, Timestamp::from_seconds(2), 3));
        assert_eq!(context.values(), one);
    }

    #[test]
    fn what_is_stored_is_what_was_known() {
        let mut context = BrowserContext::default();
        context.observe(&attributes(json!({"fbp": "a", "gclid": "b"})), Timestamp::from_seconds(1), 7);
        context.observe(&attributes(json!({"gclid": "c"})), Timestamp::from_seconds(2), 8);
        let stored = serde_json::to_value(&context).expect("JSON");
        assert_eq!(
            stored,
            json!([{"t": 1_000_000, "s": 7, "v": {"fbp": "a"}}, {"t": 2_000_000, "s": 8, "v": {"gclid": "c"}}])
        );
        assert_eq!(serde_json::from_value::<BrowserContext>(stored).expect("a context"), context);
    }

    #[test]
    fn the_list_of_fields_is_sorted_and_unique() {
        assert!(FIELDS.windows(2).all(|pair| pair[0] < pair[1]));
    }
}
