//! What a rule may look at while it is evaluated.

use std::{
    cell::{Cell, OnceCell},
    fmt,
};

use serde_json::Value;

use super::value;
use crate::{booking::BookingFacts, id::MessageId, tenant::TenantSettings, time::Timestamp};

/// A message as a workflow sees it.
#[derive(Clone, Copy)]
pub struct MessageView<'a> {
    /// Its id.
    pub id: MessageId,
    /// When it was received.
    pub received: Timestamp,
    /// Its parsed payload.
    pub body: &'a Value,
    /// The provider's own name of the event, such as `invitee.created`.
    pub provider_event: Option<&'a str>,
    /// The cluid that the source found, where it is one of ours.
    pub cluid: Option<&'a str>,
    /// The source's display name.
    pub source_name: &'a str,
    /// What it says of a booking, where it is about one.
    pub booking: Option<&'a BookingFacts>,
}

impl fmt::Debug for MessageView<'_> {
    /// Without the payload, which is personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageView")
            .field("id", &self.id)
            .field("received", &self.received)
            .finish_non_exhaustive()
    }
}

/// How much work one evaluation may do, counted in JSON values looked at by paths that have to search; what reads
/// texts is counted in their bytes, at about the same price. It bounds what a workflow costs whatever a tenant
/// writes and a provider sends, and is the same on every machine.
pub(crate) const BUDGET: u64 = 5_000_000;

/// What is left of the work that one evaluation may do.
#[derive(Debug)]
pub(crate) struct Budget {
    left: Cell<u64>,
    used_up: Cell<bool>,
}

impl Budget {
    /// A whole budget.
    pub(crate) fn new() -> Self {
        Self { left: Cell::new(BUDGET), used_up: Cell::new(false) }
    }

    /// Takes `units`; false when there is not that much left, and from then on for ever.
    pub(crate) fn charge(&self, units: u64) -> bool {
        match self.left.get().checked_sub(units) {
            Some(left) if !self.used_up.get() => {
                self.left.set(left);
                true
            }
            _ => {
                self.used_up.set(true);
                false
            }
        }
    }

    /// How much was taken so far.
    #[cfg(test)]
    pub(crate) fn used(&self) -> u64 {
        BUDGET - self.left.get()
    }

    /// Whether something was not looked at because the budget was used up: what came out is worth nothing.
    pub(crate) fn is_used_up(&self) -> bool {
        self.used_up.get()
    }
}

/// What a rule may look at: the element, the whole message, the tenant's settings.
#[derive(Debug)]
pub(crate) struct Scope<'a> {
    /// What `$` means: the element of `for_each`, or the whole payload.
    pub(crate) element: &'a Value,
    /// The message; its payload is what `$$` means.
    pub(crate) message: MessageView<'a>,
    /// The tenant's settings.
    pub(crate) tenant: &'a TenantSettings,
    /// What the evaluation may still cost.
    pub(crate) budget: &'a Budget,
    weight: OnceCell<u64>,
}

impl<'a> Scope<'a> {
    /// The scope of a whole message.
    pub(crate) fn new(message: MessageView<'a>, tenant: &'a TenantSettings, budget: &'a Budget) -> Self {
        Self { element: message.body, message, tenant, budget, weight: OnceCell::new() }
    }

    /// The scope of one element of the same message.
    pub(crate) fn of(&self, element: &'a Value) -> Self {
        Self {
            element,
            message: self.message,
            tenant: self.tenant,
            budget: self.budget,
            weight: OnceCell::new(),
        }
    }

    /// Pays for a search through all of `root`; false when the budget does not reach.
    pub(crate) fn pay_for_search(&self, root: &Value) -> bool {
        let weight = if std::ptr::eq(root, self.element) {
            *self.weight.get_or_init(|| value::count(root))
        } else {
            value::count(root)
        };
        self.budget.charge(weight)
    }
}
