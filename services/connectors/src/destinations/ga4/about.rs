//! What is known of the Measurement Protocol.

use tributary_domain::workflow::needs::Need;

use crate::destinations::{
    About, Facility, Field, FieldKind, FollowUps, KnownError, Limits, Signal,
    about::days,
    errors::{Verdict, known},
    matching::signal,
    schema::{DEFAULT_CURRENCY, base_url},
};

const FIELDS: &[Field] = &[
    Field::setting(
        "measurement_id",
        "Measurement id",
        "the id of the web stream, such as G-ABCDEF1234, from Admin, Data streams",
        FieldKind::Word,
    )
    .required(),
    Field::token(
        "api_secret",
        "API secret",
        "a secret of the stream, made under Measurement Protocol API secrets",
    ),
    Field::setting(
        "send_user_data",
        "User-provided data",
        "whether hashes of e-mail address, phone number and name are sent; false: they are not",
        FieldKind::Flag,
    )
    .or("true"),
    DEFAULT_CURRENCY,
    Field::setting(
        "test_mode",
        "Test",
        "whether events go to the validation server, which says what is wrong with them and records nothing",
        FieldKind::Flag,
    ),
    base_url("https://www.google-analytics.com"),
];

const NEEDS: &[Need] = &[Need { any_of: &["ga_client_id", "cluid"], why: "to know the browser again" }];

const SIGNALS: &[Signal] = &[
    signal("ga_client_id", 40),
    signal("external_id", 20),
    signal("email", 20),
    signal("phone", 10),
    signal("first_name", 5),
    signal("last_name", 5),
];

const ERRORS: &[KnownError] = &[
    known("VALUE_INVALID", Verdict::Permanent, "a value is not one that it takes: its answer says which"),
    known("VALUE_REQUIRED", Verdict::Permanent, "a value is missing: its answer says which"),
    known("NAME_INVALID", Verdict::Permanent, "a name is not one that it takes: its answer says which"),
    known("NAME_RESERVED", Verdict::Permanent, "a name is its own: give the event or attribute another one"),
    known(
        "VALUE_OUT_OF_BOUNDS",
        Verdict::Permanent,
        "a value is too large or too small: its answer says which",
    ),
    known("EXCEEDED_MAX_ENTITIES", Verdict::Permanent, "the event has too many attributes: map fewer"),
    known("NAME_DUPLICATED", Verdict::Permanent, "a name comes twice: give one of them another one"),
    known("INTERNAL_ERROR", Verdict::Retry, "an error of its own that passes"),
];

/// What is known of it.
pub(super) static ABOUT: About = About {
    name: "ga4",
    display_name: "Google Analytics 4",
    fields: FIELDS,
    needs: NEEDS,
    signals: SIGNALS,
    follow_ups: FollowUps::Taken(
        "a purchase with an `order_id` that is taken back is told as a `refund` of it; other events cannot be taken back, and none \
         can be changed",
    ),
    test_mode: "set `test_mode`: the validation server checks the events, and records none",
    facility: Facility::Flag("test_mode"),
    limits: Limits {
        max_age: Some(days(3)),
        max_batch: 25,
        // A request of 130 kB is too large.
        max_bytes: 120_000,
        of_one_person: true,
        ..Limits::NONE
    },
    oauth: None,
    errors: ERRORS,
    signatures: &[],
    standard_name: |names| names.ga4,
};
