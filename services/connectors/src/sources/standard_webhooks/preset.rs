//! The workflow to start from.

use tributary_domain::workflow::spec::{MessageField, ValueType, WorkflowSpec};

use crate::sources::{
    Preset,
    build::{all_of, cluid, field, identifier, paths, phone, single, track, user_trait},
};

const EMAIL: [&str; 3] = ["$.data.email", "$.data.user.email", "$.data.customer.email"];
const PHONE: [&str; 3] = ["$.data.phone", "$.data.user.phone", "$.data.customer.phone"];

/// The preset: nobody knows what else such a sender tells.
pub(super) fn all() -> Vec<Preset> {
    vec![Preset {
        key: "standard_webhook",
        display_name: "Any event",
        help: "Whatever comes, as an event of the sender's own name for it. People are known by data.cluid, and by the e-mail address \
               and the phone number of data, data.user or data.customer.",
        provider_event: "",
        spec: WorkflowSpec {
            event_name: Some(single(
                "event_name",
                ValueType::String,
                vec![field(MessageField::ProviderEvent)],
            )),
            identifiers: vec![
                cluid("$.data.cluid"),
                identifier("email", paths(&EMAIL)),
                identifier("phone", paths(&PHONE)),
            ],
            user_traits: vec![user_trait("email", paths(&EMAIL)), phone(&PHONE)],
            ..track("", all_of(Vec::new()), &["$.timestamp"], &[])
        },
    }]
}
