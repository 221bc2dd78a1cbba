//! Who of a person comes first where a platform hears of their events one after the other: the database says so, as it has
//! everything that was committed, whatever is in memory.

use std::collections::HashSet;

use tributary_domain::{
    id::{DeliveryId, ProfileId},
    time::Timestamp,
};
use tributary_store::{Store, delivery::InLine, ledger::ReadyDelivery};

use super::{queue::Place, target::people};

/// Who may come before the deliveries of a batch, the first ones of each person first.
#[derive(Debug, Default)]
pub(super) struct Line {
    others: Vec<InLine>,
}

impl Line {
    /// Asks the database who comes before these, without those that may be passed; nothing: it does not answer.
    pub(super) async fn of(
        store: &Store,
        batch: &[ReadyDelivery],
        passed: HashSet<DeliveryId>,
        now: Timestamp,
    ) -> Option<Self> {
        let Some(first) = batch.first() else { return Some(Self::default()) };
        // Of each person one that is neither of the batch nor passed is enough.
        let most = u32::try_from(batch.len() + passed.len() + 1).unwrap_or(u32::MAX);
        let scope = store.tenant(first.tenant);
        match scope.in_line(first.destination, &people(batch.iter()), now, most).await {
            Ok(found) => Some(Self::without(found, batch, passed)),
            Err(error) => {
                tracing::warn!(%error, destination = %first.destination, "who comes first cannot be read yet");
                None
            }
        }
    }

    /// Of these that were found, those that are neither of the batch nor may be passed.
    pub(super) fn without(
        mut found: Vec<InLine>,
        batch: &[ReadyDelivery],
        mut passed: HashSet<DeliveryId>,
    ) -> Self {
        passed.extend(batch.iter().map(|delivery| delivery.delivery));
        found.retain(|one| !passed.contains(&one.delivery));
        Self { others: found }
    }

    /// The one that has to be done with before this one may be sent.
    pub(super) fn before(&self, delivery: &ReadyDelivery) -> Option<Place> {
        let profile: ProfileId = delivery.event.profile?;
        let first = self.others.iter().find(|other| other.profile == profile)?;
        let is_before = (first.attempts == 0, first.received_at) < rank(delivery);
        is_before.then_some((first.due_at, first.delivery))
    }
}

/// What comes first: what was tried and is to be tried again, so that nothing passes it, and else what was received earlier.
pub(super) fn rank(delivery: &ReadyDelivery) -> (bool, Timestamp) {
    (delivery.attempts == 0, delivery.event.received)
}
