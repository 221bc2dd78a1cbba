//! How often and how much at a time a destination is sent to: what its owner sets, and else what its platform is known to take.

use serde_json::Value;

use super::{About, Field, FieldKind, Rate};

/// Most requests a minute that can be set.
const MOST_A_MINUTE: u32 = 600_000;
/// Most requests at a time that can be set.
const MOST_AT_A_TIME: u32 = 64;
/// How many go at once where only the pace is set.
const BURST: u32 = 10;

/// The settings that destinations of all platforms have beside their own.
pub const COMMON: &[Field] = &[
    Field::setting(
        "requests_per_minute",
        "Requests a minute",
        "how many requests are sent a minute at most; without it as many as the platform is known to take",
        FieldKind::Number(MOST_A_MINUTE),
    ),
    Field::setting(
        "burst",
        "Burst",
        "how many of them may be sent at once after a quiet time",
        FieldKind::Number(MOST_A_MINUTE),
    ),
    Field::setting(
        "concurrency",
        "Requests at a time",
        "how many requests may be under way at a time; without it as many as suit the platform",
        FieldKind::Number(MOST_AT_A_TIME),
    ),
];

/// How a destination is sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sending {
    /// How often; none: as often as it answers.
    pub rate: Option<Rate>,
    /// How many requests at a time.
    pub concurrency: u32,
}

impl Sending {
    /// What these settings and the platform's own limits come to.
    pub fn of(about: &About, settings: &Value) -> Self {
        let set = |name: &str| number(settings.get(name)?);
        let known = about.limits.rate;
        let per_minute = set("requests_per_minute").or_else(|| known.map(|rate| rate.per_minute));
        let rate = per_minute.map(|per_minute| {
            let burst =
                set("burst").unwrap_or_else(|| known.map_or(BURST, |rate| rate.burst).min(per_minute));
            Rate { per_minute, burst }
        });
        Self { rate, concurrency: set("concurrency").unwrap_or(about.limits.concurrency).max(1) }
    }
}

/// A whole number from 1 on, also where it is written as a text; nothing where it is none.
pub(super) fn number(value: &Value) -> Option<u32> {
    let number = match value {
        Value::String(text) => text.parse().ok()?,
        Value::Number(number) => {
            let whole = number.as_f64().filter(|number| number.fract() == 0.0);
            whole.filter(|number| (1.0..=f64::from(u32::MAX)).contains(number))? as u32
        }
        _ => return None,
    };
    Some(number).filter(|number| *number > 0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::destinations::{PLATFORMS, Platform, hubspot::HubSpot, meta::Meta};

    #[test]
    fn what_is_set_counts_and_else_what_the_platform_takes() {
        let known = HubSpot.about().limits.rate.unwrap();
        assert_eq!(Sending::of(HubSpot.about(), &json!({})), Sending { rate: Some(known), concurrency: 8 });
        let set = Sending::of(HubSpot.about(), &json!({"requests_per_minute": 6.0, "concurrency": "2"}));
        assert_eq!(set, Sending { rate: Some(Rate { per_minute: 6, burst: 6 }), concurrency: 2 });
        assert_eq!(
            Sending::of(Meta.about(), &json!({"burst": 3})).rate,
            None,
            "of nothing there is no burst"
        );
        let set = Sending::of(Meta.about(), &json!({"requests_per_minute": 100, "burst": 3}));
        assert_eq!(set.rate, Some(Rate { per_minute: 100, burst: 3 }));
    }

    #[test]
    fn numbers_are_whole_and_not_nothing() {
        let numbers = [json!(7), json!(7.0), json!("7")].map(|value| number(&value));
        assert_eq!(numbers, [Some(7); 3]);
        for none in [json!(0), json!(-1), json!(1.5), json!(1e12), json!("x"), json!(null), json!([1])] {
            assert_eq!(number(&none), None, "{none}");
        }
    }

    #[test]
    fn no_platform_has_a_setting_of_its_own_by_the_name_of_a_common_one() {
        for platform in PLATFORMS {
            let is_common = |field: &&Field| COMMON.iter().any(|common| common.name == field.name);
            assert_eq!(platform.about().fields.iter().find(is_common), None, "{}", platform.name());
            let Sending { rate, concurrency } = Sending::of(platform.about(), &json!({}));
            assert!((1..=MOST_AT_A_TIME).contains(&concurrency), "{}", platform.name());
            assert!(rate.is_none_or(|rate| rate.burst > 0 && rate.per_minute > 0), "{}", platform.name());
        }
    }
}
