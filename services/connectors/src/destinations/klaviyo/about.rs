//! What is known of Klaviyo's API.

use tributary_domain::workflow::needs::Need;

use crate::destinations::{
    About, Facility, Field, FieldKind, FollowUps, KnownError, Limits, Order, Rate, Signal, Trouble,
    about::no_names,
    errors::{Verdict, known, too_often},
    matching::signal,
    schema::{DEFAULT_CURRENCY, base_url},
};

const FIELDS: &[Field] = &[
    Field::token(
        "api_key",
        "Private API key",
        "a private key with the scopes events:write and profiles:write, such as pk_…",
    ),
    DEFAULT_CURRENCY,
    Field::setting(
        "revision",
        "Revision",
        "the day of the API's revision, such as 2026-04-15",
        FieldKind::Word,
    )
    .or("2026-04-15"),
    base_url("https://a.klaviyo.com"),
];

const NEEDS: &[Need] = &[Need { any_of: &["email", "phone"], why: "to know whose profile it is" }];

const SIGNALS: &[Signal] = &[signal("email", 60), signal("phone", 25), signal("external_id", 15)];

const ERRORS: &[KnownError] = &[
    known("not_authenticated", Verdict::Hold(Trouble::Revoked), "the API key is missing: add it"),
    known("authentication_failed", Verdict::Hold(Trouble::Revoked), "the API key is not valid: replace it"),
    known(
        "permission_denied",
        Verdict::Hold(Trouble::ScopeMissing),
        "the API key lacks a scope: make one with events:write and profiles:write",
    ),
    too_often("throttled", "it is called too often"),
    known("invalid", Verdict::Permanent, "it does not take something in the event: its answer says what"),
    known("duplicate_profile", Verdict::Retry, "the profile is being made by somebody else at the same time"),
];

/// What is known of it.
pub(super) static ABOUT: About = About {
    name: "klaviyo",
    display_name: "Klaviyo",
    fields: FIELDS,
    needs: NEEDS,
    signals: SIGNALS,
    follow_ups: FollowUps::Taken(
        "as metrics of their own, such as `Schedule Cancelled`, `Schedule No Show` and `Schedule Rescheduled`; events that are there \
         stay as they are",
    ),
    test_mode: "",
    facility: Facility::None,
    limits: Limits {
        rate: Some(Rate { per_minute: 3_500, burst: 350 }),
        concurrency: 32,
        order: Order::Strict,
        ..Limits::NONE
    },
    oauth: None,
    errors: ERRORS,
    signatures: &[],
    standard_name: no_names,
};
