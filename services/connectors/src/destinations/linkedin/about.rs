//! What is known of the Conversions API.

use tributary_domain::workflow::needs::Need;

use crate::destinations::{
    About, Facility, Field, FieldKind, FollowUps, KnownError, Limits, Rate, Signal, Trouble,
    about::{days, no_names},
    errors::{Verdict, known, too_often},
    matching::signal,
    oauth::{CLIENT_ID, CLIENT_SECRET, OAuth, REFRESH_TOKEN, token_url},
    schema::{DEFAULT_CURRENCY, base_url},
};

const FIELDS: &[Field] = &[
    Field::setting(
        "conversions",
        "Conversion rules",
        "for each name of an event the number of the conversion rule, from Campaign Manager, Measurement",
        FieldKind::Texts(100),
    )
    .required(),
    Field {
        required: false,
        ..Field::token(
            "access_token",
            "Access token",
            "an access token with the scope rw_conversions, which ends after 60 days; or else a client with a refresh token",
        )
    },
    CLIENT_ID,
    CLIENT_SECRET,
    REFRESH_TOKEN,
    DEFAULT_CURRENCY,
    Field::setting(
        "api_version",
        "Version",
        "the month of the API's version, such as 202603; each lives for about a year",
        FieldKind::Word,
    )
    .or("202603"),
    base_url("https://api.linkedin.com"),
    token_url("https://www.linkedin.com/oauth/v2/accessToken"),
];

const NEEDS: &[Need] = &[Need { any_of: &["email", "cluid"], why: "to find the person" }];

const SIGNALS: &[Signal] = &[
    signal("email", 45),
    signal("li_fat_id", 30),
    signal("first_name", 7),
    signal("last_name", 8),
    signal("company", 5),
    signal("job_title", 3),
    signal("country", 2),
];

const ERRORS: &[KnownError] = &[
    known(
        "REVOKED_ACCESS_TOKEN",
        Verdict::Hold(Trouble::Revoked),
        "the access token was revoked: replace it",
    ),
    known(
        "EXPIRED_ACCESS_TOKEN",
        Verdict::Hold(Trouble::Expired),
        "the access token has expired: replace it",
    ),
    known("INVALID_ACCESS_TOKEN", Verdict::Hold(Trouble::Revoked), "the access token is not one: replace it"),
    known("EMPTY_ACCESS_TOKEN", Verdict::Hold(Trouble::Revoked), "the access token is missing: add it"),
    known(
        "ACCESS_DENIED",
        Verdict::Hold(Trouble::ScopeMissing),
        "the access token may not send conversions: give it the right",
    ),
    known(
        "NONEXISTENT_VERSION",
        Verdict::Suspend,
        "this version of the API is over: set `api_version` to a newer month, then resume the destination",
    ),
    known(
        "VERSION_MISSING",
        Verdict::Suspend,
        "it wants a version: set `api_version`, then resume the destination",
    ),
    too_often("TOO_MANY_REQUESTS", "it is called too often"),
];

/// What is known of it.
pub(super) static ABOUT: About = About {
    name: "linkedin",
    display_name: "LinkedIn Conversions API",
    fields: FIELDS,
    needs: NEEDS,
    signals: SIGNALS,
    follow_ups: FollowUps::Refused(
        "LinkedIn counts what it was told of, and has no way to take an event back or to change it",
    ),
    test_mode: "",
    facility: Facility::None,
    limits: Limits {
        max_age: Some(days(90)),
        max_batch: 5_000,
        rate: Some(Rate { per_minute: 300, burst: 30 }),
        concurrency: 8,
        ..Limits::NONE
    },
    oauth: Some(&OAuth { scope: "rw_conversions", service_accounts: false, instead: "access_token" }),
    errors: ERRORS,
    signatures: &[],
    standard_name: no_names,
};
