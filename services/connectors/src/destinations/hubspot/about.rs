//! What is known of HubSpot's API.

use tributary_domain::workflow::needs::Need;

use crate::destinations::{
    About, Facility, Field, FieldKind, FollowUps, KnownError, Limits, Order, Rate, Signal, Trouble,
    about::no_names,
    errors::{Verdict, known, too_often},
    matching::signal,
    schema::base_url,
};

const FIELDS: &[Field] = &[
    Field::token(
        "access_token",
        "Access token",
        "the token of a private app with the scope crm.objects.contacts.write",
    ),
    Field::setting(
        "properties",
        "Properties",
        "for more properties of the contact, by their internal names, a text with places such as {{ $.data.name }}; \
         a property has to be there in HubSpot",
        FieldKind::Texts(1_000),
    ),
    Field::setting(
        "api_version",
        "Version",
        "the version of the CRM API, such as v3 or 2026-03",
        FieldKind::Word,
    )
    .or("v3"),
    base_url("https://api.hubapi.com"),
];

const NEEDS: &[Need] = &[Need { any_of: &["email"], why: "to know which contact it is" }];

const SIGNALS: &[Signal] = &[signal("email", 100)];

const ERRORS: &[KnownError] = &[
    known(
        "INVALID_AUTHENTICATION",
        Verdict::Hold(Trouble::Revoked),
        "the access token is not valid: replace it",
    ),
    known(
        "EXPIRED_AUTHENTICATION",
        Verdict::Hold(Trouble::Expired),
        "the access token has expired: replace it",
    ),
    known(
        "MISSING_SCOPES",
        Verdict::Hold(Trouble::ScopeMissing),
        "the access token lacks the scope crm.objects.contacts.write: add it",
    ),
    too_often("RATE_LIMITS", "it is called too often"),
    too_often("RATE-LIMIT_REACHED", "it is called too often"),
    known("CONFLICT", Verdict::Retry, "the contact is being changed by somebody else at the same time"),
    known(
        "VALIDATION_ERROR",
        Verdict::Permanent,
        "it does not take a property or its value: its answer says which",
    ),
    known("OBJECT_NOT_FOUND", Verdict::Permanent, "there is no such contact"),
];

/// What is known of it.
pub(super) static ABOUT: About = About {
    name: "hubspot",
    display_name: "HubSpot",
    fields: FIELDS,
    needs: NEEDS,
    signals: SIGNALS,
    follow_ups: FollowUps::Taken(
        "the contact is brought up to date again; `properties` can note what became of the event with {{ $.type }} and {{ $.data.reason }}",
    ),
    test_mode: "",
    facility: Facility::None,
    limits: Limits {
        max_batch: 100,
        // A hundred requests in ten seconds are what the smallest plan has.
        rate: Some(Rate { per_minute: 540, burst: 10 }),
        concurrency: 8,
        order: Order::Strict,
        ..Limits::NONE
    },
    oauth: None,
    errors: ERRORS,
    signatures: &[],
    standard_name: no_names,
};
