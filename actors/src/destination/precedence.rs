//! What follows an event is sent after it, and only to who got it: a receiver that hears first that something is taken back,
//! and then of the thing itself, counts it for ever.

use std::time::Duration;

use tributary_domain::{
    booking::Role,
    id::DeliveryId,
    time::{Clock, Timestamp},
};
use tributary_store::{
    Store, StoreError,
    delivery::{DeliveryRecord, DeliveryState},
    ledger::ReadyDelivery,
};

/// How long after that of what it follows a delivery is looked at again.
const BEHIND: Duration = Duration::from_millis(250);

/// Whether a delivery may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Precedence {
    /// It may.
    Go,
    /// Not before this time: what it follows is still to be delivered.
    Wait(Timestamp),
    /// It has nothing to follow.
    Never,
}

/// Asks the database about what a delivery follows; most follow nothing, and cost nothing.
pub(super) async fn of(store: &Store, delivery: &ReadyDelivery, clock: &dyn Clock) -> Precedence {
    let Some(Role::Follows { of, after, .. }) = delivery.event.data.role else { return Precedence::Go };
    let id = |event| DeliveryId::derive(event, delivery.destination, 0);
    let (mut wait, now) = (None, clock.now());
    for (event, is_first) in [(Some(of), true), (after, false)] {
        let Some(event) = event else { continue };
        match store.tenant(delivery.tenant).delivery(id(event)).await {
            Ok(DeliveryRecord { state: DeliveryState::Pending, due_at, .. }) => wait = wait.max(Some(due_at)),
            Ok(DeliveryRecord { state: DeliveryState::Failed, .. }) if is_first => return Precedence::Never,
            // What is not kept any more was done with long ago.
            Ok(_) | Err(StoreError::NotFound { .. }) => {}
            Err(error) => {
                tracing::warn!(%error, delivery = %delivery.delivery, "what it follows cannot be read yet");
                wait = wait.max(Some(now));
            }
        }
    }
    wait.map_or(Precedence::Go, |due| Precedence::Wait(due.max(now).plus(BEHIND)))
}
