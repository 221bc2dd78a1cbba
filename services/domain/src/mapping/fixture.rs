//! A message for the tests of the rules.

use serde_json::Value;

use super::{Budget, MessageView, Scope};
use crate::{booking::BookingFacts, id::MessageId, tenant::TenantSettings, time::Timestamp};

/// Owns what a scope borrows.
pub(crate) struct Fixture {
    pub(crate) body: Value,
    pub(crate) tenant: TenantSettings,
    pub(crate) budget: Budget,
    pub(crate) booking: Option<BookingFacts>,
}

impl Fixture {
    /// A message with `body`, of a tenant with ordinary settings.
    pub(crate) fn new(body: Value) -> Self {
        let tenant = TenantSettings { time_zone: "Europe/Berlin".to_owned(), ..TenantSettings::default() };
        Self { body, tenant, budget: Budget::new(), booking: None }
    }

    /// The message.
    pub(crate) fn message(&self) -> MessageView<'_> {
        MessageView {
            id: MessageId::new(1_767_225_600_000, 7),
            received: Timestamp::from_seconds(1_767_225_600),
            body: &self.body,
            provider_event: Some("invitee.created"),
            cluid: None,
            source_name: "Calendly",
            booking: self.booking.as_ref(),
        }
    }

    /// The scope of the whole message.
    pub(crate) fn scope(&self) -> Scope<'_> {
        Scope::new(self.message(), &self.tenant, &self.budget)
    }
}
