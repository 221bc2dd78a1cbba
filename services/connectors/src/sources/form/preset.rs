//! The workflow to start from.

use tributary_domain::workflow::spec::{Mapping, WorkflowSpec};

use crate::sources::{
    Preset,
    build::{all_of, attribute, cluid, first_name, identifier, last_name, paths, phone, track, user_trait},
};

/// How fields of forms are called. Whole names, so that nobody's manager is taken for who sent the form.
const EMAIL: [&str; 8] = [
    "$.email",
    "$.Email",
    "$.EMAIL",
    "$['e-mail']",
    "$.email_address",
    "$.emailAddress",
    "$['your-email']",
    "$['fields[email]']",
];
const PHONE: [&str; 8] = [
    "$.phone",
    "$.Phone",
    "$.tel",
    "$.mobile",
    "$.phone_number",
    "$.phoneNumber",
    "$['your-phone']",
    "$['fields[phone]']",
];
const FIRST_NAME: [&str; 4] = ["$.first_name", "$.firstName", "$.firstname", "$.fname"];
const LAST_NAME: [&str; 4] = ["$.last_name", "$.lastName", "$.lastname", "$.lname"];
const NAME: [&str; 4] = ["$.name", "$.full_name", "$['your-name']", "$['fields[name]']"];

/// The preset of forms.
pub(super) fn all() -> Vec<Preset> {
    vec![Preset {
        key: "form_submission",
        display_name: "Form submission",
        help: "Somebody sent off a form: the event SubmitForm. People are known by the fields cluid, email and phone, and by \
               fields that are called alike.",
        provider_event: "",
        spec: WorkflowSpec {
            identifiers: vec![
                cluid("$.cluid"),
                identifier("email", paths(&EMAIL)),
                identifier("phone", paths(&PHONE)),
            ],
            user_traits: user_traits(),
            event_attributes: vec![
                attribute("form_name", "$.form_name"),
                attribute("utm_source", "$.utm_source"),
                attribute("utm_medium", "$.utm_medium"),
                attribute("utm_campaign", "$.utm_campaign"),
                attribute("utm_content", "$.utm_content"),
            ],
            // A form says neither when it was sent off nor what tells it from others.
            ..track("SubmitForm", all_of(Vec::new()), &[], &[])
        },
    }]
}

fn user_traits() -> Vec<Mapping> {
    vec![
        user_trait("email", paths(&EMAIL)),
        first_name(&FIRST_NAME, &NAME),
        last_name(&LAST_NAME, &NAME),
        phone(&PHONE),
    ]
}
