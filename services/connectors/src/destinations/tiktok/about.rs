//! What is known of the Events API.

use tributary_domain::workflow::needs::Need;

use crate::destinations::{
    About, Facility, Field, FieldKind, FollowUps, KnownError, Limits, Signal, Trouble,
    errors::{Verdict, known, too_often},
    matching::signal,
    schema::{DEFAULT_CURRENCY, base_url},
};

const FIELDS: &[Field] = &[
    Field::setting(
        "event_source_id",
        "Pixel or event set",
        "the id of the pixel, or of the offline or CRM event set, from the Events Manager",
        FieldKind::Word,
    )
    .required(),
    Field::token(
        "access_token",
        "Access token",
        "the access token of the Events API, from the Events Manager's settings",
    ),
    Field::setting(
        "event_source",
        "Source",
        "what the id is of: `web` of a pixel, `offline` and `crm` of event sets",
        FieldKind::Choice(&["web", "offline", "crm"]),
    )
    .or("web"),
    DEFAULT_CURRENCY,
    Field::setting(
        "test_event_code",
        "Test code",
        "the code from the Events Manager's test page: events are shown there and not counted",
        FieldKind::Word,
    ),
    Field::setting(
        "test_message_code",
        "Code of test messages",
        "the same code for test messages alone: they are shown on the test page, and everything else is counted as ever",
        FieldKind::Word,
    ),
    Field::setting("api_version", "Version", "the version of the API, such as v1.3", FieldKind::Word)
        .or("v1.3"),
    base_url("https://business-api.tiktok.com"),
];

const NEEDS: &[Need] = &[Need { any_of: &["email", "phone", "cluid"], why: "to find the person" }];

const SIGNALS: &[Signal] = &[
    signal("email", 26),
    signal("phone", 20),
    signal("ttclid", 18),
    signal("external_id", 10),
    signal("ttp", 6),
    signal("ip", 6),
    signal("user_agent", 4),
    signal("first_name", 3),
    signal("last_name", 3),
    signal("zip", 2),
    signal("city", 1),
    signal("country", 1),
];

const ERRORS: &[KnownError] = &[
    known("40001", Verdict::Permanent, "it does not take something in the event: its answer says what"),
    known("40002", Verdict::Permanent, "it does not take something in the event: its answer says what"),
    too_often("40100", "it is called too often"),
    known("40102", Verdict::Hold(Trouble::Expired), "the access token has expired: replace it"),
    known("40104", Verdict::Hold(Trouble::Revoked), "the access token is missing: add it"),
    known("40105", Verdict::Hold(Trouble::Revoked), "the access token is not valid any more: replace it"),
    known("20001", Verdict::Permanent, "it did not take the event: its answer says why"),
];

/// What is known of it.
pub(super) static ABOUT: About = About {
    name: "tiktok",
    display_name: "TikTok Events API",
    fields: FIELDS,
    needs: NEEDS,
    signals: SIGNALS,
    follow_ups: FollowUps::Refused(
        "TikTok counts what it was told of, and has no way to take an event back or to change it",
    ),
    test_mode: "set `test_event_code`, or `test_message_code` for test messages alone: events appear on the test page of the Events \
        Manager",
    facility: Facility::Code { setting: "test_event_code", of_tests: "test_message_code" },
    limits: Limits { max_batch: 1_000, concurrency: 16, ..Limits::NONE },
    oauth: None,
    errors: ERRORS,
    signatures: &[],
    standard_name: |names| names.tiktok,
};
