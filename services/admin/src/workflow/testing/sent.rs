//! What would go to each destination.

use std::collections::HashSet;

use tonic::Status;
use tributary_domain::{
    booking::Role,
    id::{DeliveryId, DestinationId},
    time::Timestamp,
};
use tributary_proto::admin::v1::TestedDelivery;
use tributary_store::{
    LARGEST_PAGE, Page, Show,
    destination::{DestinationRecord, DestinationState},
    ledger::StoredEvent,
};

use crate::{call::Located, destination::composed, error::from_store, event};

/// What requests are made with.
pub(super) struct Sent<'a> {
    pub(super) located: &'a Located<'a>,
    /// When they would be sent.
    pub(super) now: Timestamp,
    /// The source's display name.
    pub(super) source: &'a str,
    /// The deliveries that are there.
    pub(super) before: &'a HashSet<DeliveryId>,
}

impl Sent<'_> {
    /// What would go to each destination, and why nothing would to those that `passing` does not name.
    pub(super) async fn of(
        &self,
        event: &StoredEvent,
        passing: &[DestinationId],
    ) -> Result<Vec<TestedDelivery>, Status> {
        let (mut told, mut page) = (Vec::new(), Page::first(LARGEST_PAGE));
        loop {
            let found = self.located.scope.destinations(Show::Live, page).await.map_err(from_store)?;
            for record in &found.items {
                told.push(self.to(event, record, passing.contains(&record.id)).await?);
            }
            let Some(next) = found.next else { return Ok(told) };
            page = Page::after(next, LARGEST_PAGE);
        }
    }

    async fn to(
        &self,
        event: &StoredEvent,
        record: &DestinationRecord,
        passes: bool,
    ) -> Result<TestedDelivery, Status> {
        let delivery = DeliveryId::derive(event.id, record.id, 0);
        let mut told = TestedDelivery {
            event: self.located.names.event(event.id),
            destination: self.located.names.destination(record.id),
            destination_display_name: record.display_name.clone(),
            platform: record.platform.clone(),
            passes,
            exists: self.before.contains(&delivery),
            ..TestedDelivery::default()
        };
        if !passes {
            told.reason = kept_from(event, record.id);
            return Ok(told);
        }
        let composed = composed(self.located, record, event, self.source, self.now).await?;
        told.match_quality = composed.match_quality;
        told.reason = composed.reason;
        if composed.shown.is_some() {
            waits(record).clone_into(&mut told.reason);
        }
        told.request = composed.shown;
        Ok(told)
    }
}

/// Why an event does not go to a destination.
fn kept_from(event: &StoredEvent, destination: DestinationId) -> String {
    if let Some(kept) = event.data.withheld.iter().find(|kept| kept.destination == destination) {
        return event::withheld_text(kept);
    }
    let why = match event.data.role {
        Some(Role::Withheld { .. }) => {
            "what the event says of its booking is told already, or is not to be told"
        }
        Some(Role::Follows { .. }) => "the event that it follows does not go there",
        None => "its filter does not let the event through",
    };
    why.to_owned()
}

/// Why a delivery to a destination would wait.
fn waits(record: &DestinationRecord) -> &'static str {
    match record.state {
        DestinationState::Enabled if record.credential.state.is_trouble() => {
            "it waits until the destination's credential is taken again"
        }
        DestinationState::Enabled => "",
        DestinationState::Paused => "it waits until the destination is resumed",
        DestinationState::Disabled => "it waits until the destination is enabled again",
    }
}
