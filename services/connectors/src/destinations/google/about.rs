//! What is known of the Data Manager API. Facts: Google's `google.ads.datamanager.v1`, as published.

use tributary_domain::workflow::needs::Need;

use crate::destinations::{
    About, Facility, Field, FieldKind, FollowUps, KnownError, Limits, Rate, Signal, Trouble,
    about::{days, no_names},
    errors::{Verdict, known, too_often},
    matching::signal,
    oauth::{CLIENT_ID, CLIENT_SECRET, OAuth, REFRESH_TOKEN, SERVICE_ACCOUNT, token_url},
    schema::{DEFAULT_CURRENCY, base_url},
};

/// Where it happened, as Google has it.
const SOURCES: &[&str] = &["auto", "WEB", "APP", "IN_STORE", "PHONE", "OTHER"];

const FIELDS: &[Field] = &[
    Field::setting(
        "customer_id",
        "Customer",
        "the number of the Google Ads account that counts the conversions, such as 123-456-7890",
        FieldKind::Word,
    )
    .required(),
    Field::setting(
        "conversions",
        "Conversion actions",
        "for each name of an event the number of the conversion action, from Goals, Conversions: `ctId` in its address",
        FieldKind::Texts(100),
    )
    .required(),
    Field::setting(
        "login_customer_id",
        "Manager",
        "the number of the manager account through which the credential reaches the customer, where it does",
        FieldKind::Word,
    ),
    SERVICE_ACCOUNT,
    CLIENT_ID,
    CLIENT_SECRET,
    REFRESH_TOKEN,
    Field::setting(
        "event_source",
        "Where it happens",
        "where the action takes place; `auto` says `WEB` for events that know their page and browser, and else `OTHER`",
        FieldKind::Choice(SOURCES),
    )
    .or("auto"),
    DEFAULT_CURRENCY,
    Field::setting(
        "custom_variables",
        "Custom variables",
        "for each custom variable of the account the attribute of the event that has its value",
        FieldKind::Texts(200),
    ),
    Field::setting(
        "send_ip",
        "Addresses",
        "whether the visitor's address is sent: Google forbids it for people in the EEA, the UK and Switzerland",
        FieldKind::Flag,
    ),
    Field::setting(
        "test_mode",
        "Test",
        "whether events are only validated: Google says what is wrong with them and counts none",
        FieldKind::Flag,
    ),
    Field::setting("api_version", "Version", "the version of the API, such as v1", FieldKind::Word).or("v1"),
    base_url("https://datamanager.googleapis.com"),
    token_url("https://oauth2.googleapis.com/token"),
];

const NEEDS: &[Need] =
    &[Need { any_of: &["email", "phone", "cluid"], why: "to find the person or their click" }];

const SIGNALS: &[Signal] = &[
    signal("gclid", 32),
    signal("email", 28),
    signal("phone", 16),
    signal("wbraid", 4),
    signal("gbraid", 4),
    signal("first_name", 3),
    signal("last_name", 3),
    signal("zip", 3),
    signal("country", 3),
    signal("user_agent", 4),
];

const ERRORS: &[KnownError] = &[
    known(
        "ACCESS_TOKEN_EXPIRED",
        Verdict::Hold(Trouble::Expired),
        "the access token's time is over: it is renewed",
    ),
    known("CREDENTIALS_MISSING", Verdict::Hold(Trouble::Revoked), "it got no credential: enter it again"),
    known(
        "ACCESS_TOKEN_TYPE_UNSUPPORTED",
        Verdict::Hold(Trouble::Revoked),
        "it takes no such credential: enter another one",
    ),
    known(
        "ACCOUNT_STATE_INVALID",
        Verdict::Hold(Trouble::Revoked),
        "the account of the credential is closed: enter another one",
    ),
    known(
        "UNAUTHENTICATED",
        Verdict::Hold(Trouble::Revoked),
        "it does not take the credential: enter another one",
    ),
    known(
        "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
        Verdict::Hold(Trouble::ScopeMissing),
        "the access is not for https://www.googleapis.com/auth/datamanager: have it granted again, with that scope",
    ),
    known(
        "SERVICE_DISABLED",
        Verdict::Hold(Trouble::ScopeMissing),
        "the Data Manager API is switched off in the project of the credential: switch it on there",
    ),
    known(
        "PERMISSION_DENIED",
        Verdict::Hold(Trouble::ScopeMissing),
        "whose credential it is may not write to this account: give them the right there, or correct the account and its manager",
    ),
    known(
        "INVALID_DESTINATION",
        Verdict::Suspend,
        "there is no such account: correct `customer_id` and `login_customer_id`, then resume the destination",
    ),
    known(
        "TERMS_AND_CONDITIONS_NOT_SIGNED",
        Verdict::Suspend,
        "the account has not accepted Google's terms: accept them there, then resume the destination",
    ),
    known(
        "DESTINATION_ACCOUNT_ENHANCED_CONVERSIONS_TERMS_NOT_SIGNED",
        Verdict::Suspend,
        "the account has not accepted the terms of enhanced conversions: accept them there, then resume the destination",
    ),
    known(
        "DESTINATION_ACCOUNT_NOT_ENABLED_ENHANCED_CONVERSIONS_FOR_LEADS",
        Verdict::Suspend,
        "enhanced conversions for leads are switched off in the account: switch them on there, then resume the destination",
    ),
    known(
        "DESTINATION_ACCOUNT_DATA_POLICY_PROHIBITS_ENHANCED_CONVERSIONS",
        Verdict::Suspend,
        "Google's data policy keeps the account from enhanced conversions: ask Google, then resume the destination",
    ),
    known(
        "INVALID_CONVERSION_ACTION_ID",
        Verdict::Permanent,
        "there is no such conversion action: correct `conversions`",
    ),
    known(
        "INVALID_CONVERSION_ACTION_TYPE",
        Verdict::Permanent,
        "the conversion action takes no such events: choose one for imports of clicks or for a website",
    ),
    known("INVALID_CURRENCY_CODE", Verdict::Permanent, "it does not know the currency"),
    known("NO_IDENTIFIERS_PROVIDED", Verdict::Permanent, "the event says nothing of its person or click"),
    known("INVALID_EVENT", Verdict::Permanent, "it does not take the event: its answer says why"),
    known(
        "REQUIRED_FIELD_MISSING",
        Verdict::Permanent,
        "something is missing in the event: its answer says what",
    ),
    known(
        "INVALID_FORMAT",
        Verdict::Permanent,
        "it does not take something in the event: its answer says what",
    ),
    known("INVALID_POSTAL_CODE", Verdict::Permanent, "it does not take the postal code"),
    known(
        "INVALID_ARGUMENT",
        Verdict::Permanent,
        "it does not take something in the event: its answer says what",
    ),
    too_often("RESOURCE_EXHAUSTED", "it is called too often"),
    too_often("RATE_LIMIT_EXCEEDED", "it is called too often"),
    known("INTERNAL_ERROR", Verdict::Retry, "an error of its own that passes"),
    known("DEADLINE_EXCEEDED", Verdict::Retry, "it took too long"),
    known("UNAVAILABLE", Verdict::Retry, "it cannot serve now"),
];

/// What is known of it.
pub(super) static ABOUT: About = About {
    name: "google_ads",
    display_name: "Google Ads",
    fields: FIELDS,
    needs: NEEDS,
    signals: SIGNALS,
    follow_ups: FollowUps::Refused(
        "the Data Manager API counts what it was told of, and has no way to take a conversion back or to change it",
    ),
    test_mode: "set `test_mode`: Google validates the events, and counts none",
    facility: Facility::Flag("test_mode"),
    limits: Limits {
        max_age: Some(days(90)),
        max_batch: 2_000,
        // What a project has, which may serve several destinations.
        rate: Some(Rate { per_minute: 300, burst: 30 }),
        concurrency: 8,
        ..Limits::NONE
    },
    oauth: Some(&OAuth {
        scope: "https://www.googleapis.com/auth/datamanager",
        service_accounts: true,
        instead: "",
    }),
    errors: ERRORS,
    signatures: &["authorization"],
    standard_name: no_names,
};
