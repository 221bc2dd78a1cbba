//! Browser context: what the visitor's browser session is known by at the ad platforms. It is kept by cluid, with
//! the time of each field, and reaches an event through its cluid even where identity refused to join the two.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::time::Timestamp;

/// The event attributes that describe the browser session. `utm_term` is not among them: on a booking it carries
/// the cluid itself.
pub const FIELDS: [&str; 20] = [
    "client_ip",
    "fbc",
    "fbclid",
    "fbp",
    "ga_client_id",
    "gbraid",
    "gclid",
    "landing_page",
    "li_fat_id",
    "msclkid",
    "referrer",
    "sc_click_id",
    "ttclid",
    "ttp",
    "user_agent",
    "utm_campaign",
    "utm_content",
    "utm_medium",
    "utm_source",
    "wbraid",
];

/// What is known of one browser session.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BrowserContext(BTreeMap<String, Field>);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Field {
    v: Value,
    t: i64,
    s: u64,
}

impl BrowserContext {
    /// Takes over the browser fields of an event's `attributes`, seen at `time` (already clamped) and applied at
    /// `sequence`; a field keeps its latest value. Returns whether anything changed.
    pub fn observe(&mut self, attributes: &Map<String, Value>, time: Timestamp, sequence: u64) -> bool {
        let mut changed = false;
        for name in FIELDS {
            let Some(value) = attributes.get(name).filter(|value| !value.is_null()) else { continue };
            let newer = self.0.get(name).is_none_or(|known| (known.t, known.s) < (time.micros(), sequence));
            if newer {
                // Also the same value seen later counts: it decides whether one that was seen between wins.
                changed = true;
                self.0.insert(name.to_owned(), Field { v: value.clone(), t: time.micros(), s: sequence });
            }
        }
        changed
    }

    /// The fields and their values.
    pub fn values(&self) -> Map<String, Value> {
        self.0.iter().map(|(name, field)| (name.clone(), field.v.clone())).collect()
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
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
    fn the_list_of_fields_is_sorted_and_unique() {
        assert!(FIELDS.windows(2).all(|pair| pair[0] < pair[1]));
    }
}
