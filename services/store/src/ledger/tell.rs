//! Who is told of an event: its deliveries, and what follows from what is heard of its booking.

use std::sync::Arc;

use tributary_domain::{
    booking::Due,
    event::{Withheld, WithheldFor},
    id::{DeliveryId, DestinationId, ProfileId},
    workflow::event::EventDraft,
};

use super::{
    booking::Occasion,
    plan::{MessagePlan, PlannedRun, ReadyDelivery, StoredEvent},
    resolve::Resolver,
};
use crate::{StoreError, entity::delivery};

/// What is to be told.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) draft: &'a EventDraft,
    /// Whose event it is.
    pub(super) person: Option<ProfileId>,
    pub(super) is_test: bool,
}

impl Resolver<'_> {
    /// The destinations that may be told of an event, and those that may not.
    pub(super) fn told(
        &self,
        plan: &MessagePlan,
        Subject { draft, person, is_test }: Subject<'_>,
        destinations: &[DestinationId],
    ) -> (Vec<DestinationId>, Vec<Withheld>) {
        let (mut told, mut withheld) = (Vec::with_capacity(destinations.len()), Vec::new());
        for destination in destinations {
            let kept = self.suppressions.withholds(plan, draft, *destination);
            let kept = kept.or_else(|| self.refuses(plan, draft, person, *destination));
            let has_no_place = is_test && plan.destinations.untested.contains(destination);
            let no_test =
                || Withheld { destination: *destination, why: WithheldFor::NoTestFacility, purpose: None };
            match kept.or_else(|| has_no_place.then(no_test)) {
                Some(kept) => withheld.push(kept),
                None => told.push(*destination),
            }
        }
        (told, withheld)
    }

    /// Has everything told that follows from what the message says of its booking, and that no workflow made an event of.
    pub(super) fn follow_up(&mut self, plan: &MessagePlan, joined: Vec<Due>) -> Result<(), StoreError> {
        for occasion in self.bookings.due(plan, joined) {
            let Occasion { event, workflow, profile, mut data, dated, destinations } = occasion;
            // What it would say is of the person whom the event was about, whoever sent the message.
            if self.suppressions.ends(plan, &data.draft, dated) {
                continue;
            }
            // What follows a test is one, and what a test brings about too.
            data.is_test |= plan.is_test;
            let who = Subject { draft: &data.draft, person: profile, is_test: data.is_test };
            let (destinations, withheld) = self.told(plan, who, &destinations);
            data.withheld = withheld;
            let is_new = self.before.event(event).is_none();
            let event = self.store(plan, event, workflow, profile, data, is_new)?;
            self.tell(plan, None, event, &destinations);
        }
        Ok(())
    }

    /// Has these destinations told of an event; without a run, it follows another event.
    pub(super) fn tell(
        &mut self,
        plan: &MessagePlan,
        run: Option<&PlannedRun>,
        event: StoredEvent,
        destinations: &[DestinationId],
    ) {
        let event = Arc::new(event);
        self.deliveries(plan, run, &event, destinations);
        if let Some(kept) = &mut self.told {
            kept.events.push((event, destinations.to_vec()));
        }
    }

    fn deliveries(
        &mut self,
        plan: &MessagePlan,
        run: Option<&PlannedRun>,
        event: &Arc<StoredEvent>,
        destinations: &[DestinationId],
    ) {
        for destination in destinations {
            let id = DeliveryId::derive(event.id, *destination, 0);
            // Whether it is sent again is asked for by itself.
            if self.before.has_delivery(id) {
                continue;
            }
            let due = match run {
                Some(run) => {
                    let view = self.views.get(&plan.tenant);
                    self.waiting.due(plan, run, *destination, event.profile.zip(view), self.now)
                }
                // What follows an event waits for that, and for nothing else.
                None => plan.received,
            };
            self.difference.deliveries.push(delivery::Model {
                tenant_id: plan.tenant.to_string(),
                id: id.to_string(),
                destination_id: destination.to_string(),
                event_id: event.id.to_string(),
                generation: 0,
                state: "PENDING".to_owned(),
                due_at: due.micros(),
                attempts: 0,
                created_at: self.now.micros(),
                completed_at: None,
                last_status: None,
                last_error: None,
                error_code: None,
                error_verdict: None,
                is_delayed: (due > self.now).then_some(1),
            });
            self.applied.deliveries.push(ReadyDelivery {
                tenant: plan.tenant,
                destination: *destination,
                delivery: id,
                attempts: 0,
                before: 0,
                is_replay: false,
                due,
                event: Arc::clone(event),
            });
        }
    }
}
