//! The workflows to start from.

use tributary_domain::workflow::spec::WorkflowSpec;

use crate::sources::{
    Preset,
    build::{attribute, cluid, identifier, only, paths, phone, track, user_trait},
};

const EMAIL: [&str; 2] =
    ["$.form_response.answers[?@.type == 'email'].email", "$.form_response.hidden.email"];
const PHONE: [&str; 2] =
    ["$.form_response.answers[?@.type == 'phone_number'].phone_number", "$.form_response.hidden.phone"];
/// Typeform's block of contact details gives its questions these references.
const FIRST_NAME: [&str; 2] =
    ["$.form_response.answers[?@.field.ref == 'first_name'].text", "$.form_response.hidden.first_name"];
const LAST_NAME: [&str; 2] =
    ["$.form_response.answers[?@.field.ref == 'last_name'].text", "$.form_response.hidden.last_name"];

/// The preset of Typeform.
pub(super) fn all() -> Vec<Preset> {
    vec![Preset {
        key: "typeform_response",
        display_name: "Typeform response",
        help: "Somebody sent off a form: the event Lead. People are known by what they answer to questions for an e-mail address \
               and a phone number, and by the hidden fields cluid, email and phone. Other answers are mapped by the reference \
               of their question.",
        provider_event: "form_response",
        spec: response(),
    }]
}

fn response() -> WorkflowSpec {
    WorkflowSpec {
        identifiers: vec![
            cluid("$.form_response.hidden.cluid"),
            identifier("email", paths(&EMAIL)),
            identifier("phone", paths(&PHONE)),
        ],
        user_traits: vec![
            user_trait("email", paths(&EMAIL)),
            user_trait("first_name", paths(&FIRST_NAME)),
            user_trait("last_name", paths(&LAST_NAME)),
            phone(&PHONE),
        ],
        event_attributes: vec![
            attribute("content_name", "$.form_response.definition.title"),
            attribute("form_id", "$.form_response.form_id"),
            attribute("utm_source", "$.form_response.hidden.utm_source"),
            attribute("utm_medium", "$.form_response.hidden.utm_medium"),
            attribute("utm_campaign", "$.form_response.hidden.utm_campaign"),
        ],
        ..track("Lead", only("form_response"), &["$.form_response.submitted_at"], &["$.form_response.token"])
    }
}
