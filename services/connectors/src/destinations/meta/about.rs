//! What is known of the Conversions API.

use tributary_domain::workflow::needs::Need;

use super::item::AGE;
use crate::destinations::{
    About, Facility, Field, FieldKind, FollowUps, KnownError, Limits, Signal, Trouble,
    about::days,
    errors::{Verdict, known, too_often},
    matching::signal,
    schema::{DEFAULT_CURRENCY, base_url},
};

/// Where the action took place, as Meta has it.
const ACTION_SOURCES: &[&str] = &[
    "auto",
    "website",
    "system_generated",
    "phone_call",
    "chat",
    "email",
    "physical_store",
    "business_messaging",
    "app",
    "other",
];

const FIELDS: &[Field] = &[
    Field::setting("dataset_id", "Dataset or pixel", "the id of the dataset or pixel, from the Events Manager", FieldKind::Word)
        .required(),
    Field::token("access_token", "Access token", "the dataset's access token, from the Events Manager's settings"),
    Field::setting(
        "action_source",
        "Where it happens",
        "where the action takes place; `auto` says `website` for events that know their page and browser, and else \
         `system_generated`",
        FieldKind::Choice(ACTION_SOURCES),
    )
    .or("auto"),
    DEFAULT_CURRENCY,
    Field::setting(
        "test_event_code",
        "Test code",
        "the code from the Events Manager's test page, such as TEST12345: events are shown there and not counted",
        FieldKind::Word,
    ),
    Field::setting(
        "test_message_code",
        "Code of test messages",
        "the same code for test messages alone: they are shown on the test page, and everything else is counted as ever",
        FieldKind::Word,
    ),
    Field::setting(
        "limited_data_use",
        "Limited data use",
        "whether Meta is to process the data of people in the United States in its limited way, where it finds that they are there",
        FieldKind::Flag,
    ),
    Field::setting("api_version", "Version", "the version of the Graph API, such as v25.0", FieldKind::Word).or("v25.0"),
    base_url("https://graph.facebook.com"),
];

const NEEDS: &[Need] = &[Need { any_of: &["email", "phone", "cluid"], why: "to find the person" }];

const SIGNALS: &[Signal] = &[
    signal("email", 26),
    signal("phone", 16),
    signal("fbc", 14),
    signal("fbp", 8),
    signal("external_id", 8),
    signal("ip", 6),
    signal("user_agent", 4),
    signal("first_name", 4),
    signal("last_name", 4),
    signal("date_of_birth", 3),
    signal("city", 2),
    signal("state", 1),
    signal("zip", 2),
    signal("country", 1),
    signal("gender", 1),
];

const ERRORS: &[KnownError] = &[
    known("1", Verdict::Retry, "an error of its own that passes"),
    known("2", Verdict::Retry, "it is out of service for a while"),
    too_often("4", "the app calls it too often"),
    too_often("17", "the user calls it too often"),
    too_often("32", "the page calls it too often"),
    too_often("341", "a limit of the app is reached"),
    too_often("613", "it is called too often"),
    too_often("80004", "the ad account calls it too often"),
    known("102", Verdict::Hold(Trouble::Expired), "the access token's session is over: replace the token"),
    known("190/463", Verdict::Hold(Trouble::Expired), "the access token has expired: replace it"),
    known("190", Verdict::Hold(Trouble::Revoked), "the access token is not valid any more: replace it"),
    known(
        "200",
        Verdict::Hold(Trouble::ScopeMissing),
        "the access token may not write to this dataset: give it the right",
    ),
    known("803", Verdict::Suspend, "there is no such dataset: correct its id, then resume the destination"),
    known(
        "100/33",
        Verdict::Suspend,
        "there is no such dataset, or the token may not see it: correct one of them, then resume the destination",
    ),
    known("100/2804003", Verdict::Permanent, "the event is older than Meta takes"),
    known("100", Verdict::Permanent, "it does not take something in the event: its answer says what"),
];

/// What is known of it.
pub(super) static ABOUT: About = About {
    name: "meta",
    display_name: "Meta Conversions API",
    fields: FIELDS,
    needs: NEEDS,
    signals: SIGNALS,
    follow_ups: FollowUps::Refused(
        "Meta counts what it was told of, and has no way to take an event back or to change it",
    ),
    test_mode: "set `test_event_code`, or `test_message_code` for test messages alone: events appear on the test page of the Events \
        Manager",
    facility: Facility::Code { setting: "test_event_code", of_tests: "test_message_code" },
    limits: Limits { max_age: Some(days(AGE)), max_batch: 1_000, concurrency: 16, ..Limits::NONE },
    oauth: None,
    errors: ERRORS,
    signatures: &[],
    standard_name: |names| names.meta,
};
