//! A tenant's settings, checked and converted.

use jiff::tz::TimeZone;
use tributary_domain::{
    access::TenantRole,
    quota::Quota,
    retention::{MOST_DAYS, MOST_DEDUPE_DAYS, Retention},
    tenant::TenantSettings,
};
use tributary_proto::admin::v1::{RetentionSettings, TenantSettings as Proto};

use super::test_rules;
use crate::{convert::enums::Twin, violations::Violations};

/// What an update of a tenant can name.
pub(super) const UPDATABLE: [&str; 16] = [
    "display_name",
    "settings",
    "settings.time_zone",
    "settings.default_country",
    "settings.currency",
    "settings.blocked_values",
    "settings.strong_limit",
    "settings.weak_limit",
    "settings.guard_people",
    "settings.guard_hours",
    "settings.personal_data_role",
    "settings.test_rules",
    "settings.retention",
    "settings.retention.bodies_days",
    "settings.retention.logs_days",
    "settings.retention.dedupe_days",
];

const MAX_LIMIT: u32 = 100;
const MAX_GUARD_PEOPLE: u32 = 10_000;
const MAX_GUARD_HOURS: u32 = 8_760;
const MAX_BLOCKED: usize = 1_000;
/// As long as an identifier can be.
const MAX_VALUE: usize = 512;

/// The settings of a request, checked; what is wrong is a violation below `at`. Bodies and logs can be kept for
/// `most_days`.
pub(super) fn from_proto(
    given: Proto,
    at: &str,
    most_days: u32,
    violations: &mut Violations,
) -> TenantSettings {
    if !given.time_zone.is_empty() && TimeZone::get(&given.time_zone).is_err() {
        violations.add(format!("{at}.time_zone"), "not an IANA time zone such as Europe/Berlin");
    }
    code(
        &given.default_country,
        2,
        &format!("{at}.default_country"),
        "an ISO 3166 code such as DE",
        violations,
    );
    code(&given.currency, 3, &format!("{at}.currency"), "an ISO 4217 code such as EUR", violations);
    if given.blocked_values.len() > MAX_BLOCKED {
        violations.add(format!("{at}.blocked_values"), format!("at most {MAX_BLOCKED} values"));
    }
    for (index, value) in given.blocked_values.iter().enumerate() {
        violations.text(&format!("{at}.blocked_values[{index}]"), value, MAX_VALUE);
    }
    let usual = TenantSettings::default();
    let mut number = |field: &str, given: i32, usual: u32, most: u32, more: &str| match u32::try_from(given) {
        Ok(0) => usual,
        Ok(number) if number <= most => number,
        _ => {
            violations.add(format!("{at}.{field}"), format!("1 to {most}, or 0 for the default{more}"));
            usual
        }
    };
    let strong_limit = number("strong_limit", given.strong_limit, usual.strong_limit, MAX_LIMIT, "");
    let weak_limit = number("weak_limit", given.weak_limit, usual.weak_limit, MAX_LIMIT, "");
    let guard_people = match given.guard_people {
        // The domain's number for any number of people.
        -1 => 0,
        people => {
            number("guard_people", people, usual.guard_people, MAX_GUARD_PEOPLE, ", or -1 for any number")
        }
    };
    let guard_hours = number("guard_hours", given.guard_hours, usual.guard_hours, MAX_GUARD_HOURS, "");
    let personal_data_role = TenantRole::of_number(given.personal_data_role).unwrap_or_else(|_| {
        violations.add(format!("{at}.personal_data_role"), "expected VIEWER, EDITOR or ADMIN");
        None
    });
    let time_zone = if given.time_zone.is_empty() { "UTC".to_owned() } else { given.time_zone };
    TenantSettings {
        time_zone,
        default_country: given.default_country,
        currency: given.currency,
        blocked_values: given.blocked_values,
        strong_limit,
        weak_limit,
        guard_people,
        guard_hours,
        personal_data_role: personal_data_role.unwrap_or(usual.personal_data_role),
        test_rules: test_rules::from_proto(given.test_rules, &format!("{at}.test_rules"), violations),
        retention: retention(
            given.retention.unwrap_or_default(),
            &format!("{at}.retention"),
            most_days,
            violations,
        ),
    }
}

fn retention(given: RetentionSettings, at: &str, most_days: u32, violations: &mut Violations) -> Retention {
    let usual = Retention::default();
    let mut days = |field: &str, given: i32, usual: u32, most: u32, why: &str| match u32::try_from(given) {
        Ok(0) => usual.min(most),
        Ok(days) if days <= most => days,
        _ => {
            violations.add(format!("{at}.{field}"), format!("1 to {most} days{why}, or 0 for the default"));
            most
        }
    };
    let logs_days = days("logs_days", given.logs_days, usual.logs_days, most_days, "");
    Retention {
        logs_days,
        bodies_days: days(
            "bodies_days",
            given.bodies_days,
            usual.bodies_days,
            logs_days,
            ", as logs are kept no longer",
        ),
        dedupe_days: days("dedupe_days", given.dedupe_days, usual.dedupe_days, MOST_DEDUPE_DAYS, ""),
    }
}

/// For how many days bodies and logs can be kept with a quota.
pub(super) fn most_days(quota: &Quota) -> u32 {
    if quota.retention_days == 0 { MOST_DAYS } else { quota.retention_days.min(MOST_DAYS) }
}

/// Checks a code of `length` capitals; empty is none.
fn code(text: &str, length: usize, at: &str, expected: &str, violations: &mut Violations) {
    let is_code = text.len() == length && text.bytes().all(|byte| byte.is_ascii_uppercase());
    if !text.is_empty() && !is_code {
        violations.add(at, format!("expected {expected}, in capitals"));
    }
}

/// The settings `now` with those of `given` that `mask` names.
pub(super) fn merge(mask: &[String], given: Proto, now: TenantSettings) -> Proto {
    let has = |path: &str| mask.iter().any(|named| named == "settings" || named == path);
    let mut merged = to_proto(now);
    if has("settings.time_zone") {
        merged.time_zone = given.time_zone;
    }
    if has("settings.default_country") {
        merged.default_country = given.default_country;
    }
    if has("settings.currency") {
        merged.currency = given.currency;
    }
    if has("settings.blocked_values") {
        merged.blocked_values = given.blocked_values;
    }
    if has("settings.strong_limit") {
        merged.strong_limit = given.strong_limit;
    }
    if has("settings.weak_limit") {
        merged.weak_limit = given.weak_limit;
    }
    if has("settings.guard_people") {
        merged.guard_people = given.guard_people;
    }
    if has("settings.guard_hours") {
        merged.guard_hours = given.guard_hours;
    }
    if has("settings.personal_data_role") {
        merged.personal_data_role = given.personal_data_role;
    }
    if has("settings.test_rules") {
        merged.test_rules = given.test_rules;
    }
    let (given, kept) = (given.retention.unwrap_or_default(), merged.retention.get_or_insert_default());
    let has = |path: &str| has("settings.retention") || has(path);
    if has("settings.retention.bodies_days") {
        kept.bodies_days = given.bodies_days;
    }
    if has("settings.retention.logs_days") {
        kept.logs_days = given.logs_days;
    }
    if has("settings.retention.dedupe_days") {
        kept.dedupe_days = given.dedupe_days;
    }
    merged
}

/// Whether `mask` names something of what bodies and logs are kept by.
pub(super) fn changes_retention(mask: &[String]) -> bool {
    mask.iter().any(|path| path == "settings" || path.starts_with("settings.retention"))
}

/// Settings as the contract has them.
pub(super) fn to_proto(settings: TenantSettings) -> Proto {
    let number = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    Proto {
        time_zone: settings.time_zone,
        default_country: settings.default_country,
        currency: settings.currency,
        blocked_values: settings.blocked_values,
        strong_limit: number(settings.strong_limit),
        weak_limit: number(settings.weak_limit),
        guard_people: if settings.guard_people == 0 { -1 } else { number(settings.guard_people) },
        guard_hours: number(settings.guard_hours),
        personal_data_role: settings.personal_data_role.number(),
        test_rules: settings.test_rules.into_iter().map(test_rules::to_proto).collect(),
        retention: Some(retention_to_proto(settings.retention)),
    }
}

/// Periods as the contract has them.
pub(crate) fn retention_to_proto(retention: Retention) -> RetentionSettings {
    let days = |days: u32| i32::try_from(days).unwrap_or(i32::MAX);
    RetentionSettings {
        bodies_days: days(retention.bodies_days),
        logs_days: days(retention.logs_days),
        dedupe_days: days(retention.dedupe_days),
    }
}
