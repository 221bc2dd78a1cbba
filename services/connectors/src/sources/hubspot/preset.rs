//! The workflows to start from: one event for each element that they want.

use tributary_domain::workflow::spec::{Kind, WorkflowSpec};

use crate::sources::{
    Preset,
    build::{all_of, attribute, every, identifier, path, primary, track, user_trait},
};

const CONTACT: &str = "external_id:hubspot";
const CHANGED_EMAIL: &str = "$[?@.subscriptionType == 'contact.propertyChange' && @.propertyName == 'email']";

/// Every preset of HubSpot, the one to begin with first.
pub(super) fn all() -> Vec<Preset> {
    vec![
        Preset {
            key: "hubspot_contact",
            display_name: "HubSpot contact",
            help: "Contacts were made: the event Lead for each, of the id that HubSpot has of it. HubSpot says nothing more of it.",
            provider_event: "contact.creation",
            spec: created(),
        },
        Preset {
            key: "hubspot_email",
            display_name: "HubSpot e-mail address",
            help: "The e-mail addresses of contacts changed: whose they are, and no event. The subscription has to name the \
                   property email.",
            provider_event: "contact.propertyChange",
            spec: email(),
        },
    ]
}

fn created() -> WorkflowSpec {
    WorkflowSpec {
        for_each: Some(every("$[?@.subscriptionType == 'contact.creation']")),
        identifiers: vec![primary(identifier(CONTACT, vec![path("$.objectId")]))],
        event_attributes: vec![attribute("change_source", "$.changeSource")],
        ..track("Lead", all_of(Vec::new()), &["$.occurredAt"], &["$.eventId"])
    }
}

fn email() -> WorkflowSpec {
    WorkflowSpec {
        kind: Kind::Identify,
        event_name: None,
        for_each: Some(every(CHANGED_EMAIL)),
        identifiers: vec![
            primary(identifier(CONTACT, vec![path("$.objectId")])),
            identifier("email", vec![path("$.propertyValue")]),
        ],
        user_traits: vec![user_trait("email", vec![path("$.propertyValue")])],
        ..track("", all_of(Vec::new()), &["$.occurredAt"], &["$.eventId"])
    }
}
