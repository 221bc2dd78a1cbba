//! What is known of webhooks.

use super::{SIGNATURE_HEADER, SIGNING, settings::MAX_HEADER_VALUE};
use crate::destinations::{About, Facility, Field, FieldKind, FollowUps, Limits, about::no_names};

const FIELDS: &[Field] = &[
    Field::setting("url", "URL", "the receiver's url, such as https://example.com/hook", FieldKind::Url)
        .required(),
    Field::setting(
        SIGNING,
        "Signing secret",
        "a secret such as whsec_…: 24 to 64 bytes in base64; receivers check signatures with it",
        FieldKind::Text(MAX_HEADER_VALUE),
    )
    .required()
    .hidden(),
    Field::setting(
        "headers",
        "Headers",
        "headers of every request, with places such as {{ $.data.name }}; one whose value is a secret is the secret `header:<name>`",
        FieldKind::Texts(MAX_HEADER_VALUE),
    ),
    Field::setting(
        "body",
        "Body",
        "the JSON that is sent instead of the whole event; its texts have places such as {{ $.data.traits.email }}, and a text that \
         is one place takes its value as it is",
        FieldKind::Json,
    ),
    Field::setting(
        "header:*",
        "Secret headers",
        "the value of a header that is a secret",
        FieldKind::Text(MAX_HEADER_VALUE),
    )
    .hidden(),
];

/// What is known of them.
pub(super) static ABOUT: About = About {
    name: "webhook",
    display_name: "Webhook",
    fields: FIELDS,
    needs: &[],
    signals: &[],
    follow_ups: FollowUps::Taken(
        "as `conversion.retracted` and `conversion.restated`, which name the delivery that they follow",
    ),
    test_mode: "test messages have `test: true` in their data; where the body is a template, it has to say `{{ $.data.test }}`",
    facility: Facility::Marked { template: "body", places: &["{{$.data.test}}", "{{$.data}}", "{{$}}"] },
    limits: Limits::NONE,
    oauth: None,
    errors: &[],
    signatures: &[SIGNATURE_HEADER],
    standard_name: no_names,
};
