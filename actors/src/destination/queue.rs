//! What a destination has to send, and in which order. First tries keep the order of commit per profile: the next
//! one of a person waits until the one before was tried. Retries go when they are due.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use tributary_domain::{
    id::{DeliveryId, ProfileId},
    time::Timestamp,
};
use tributary_store::{LARGEST_PAGE, ledger::ReadyDelivery};

/// Deliveries that one destination knows of at a time; what does not fit stays in the database and is loaded later.
const CAPACITY: usize = 2_000;

/// The deliveries of one destination that are in memory.
#[derive(Debug, Default)]
pub(super) struct Queue {
    ready: VecDeque<ReadyDelivery>,
    later: BTreeMap<(Timestamp, DeliveryId), ReadyDelivery>,
    /// Whose first try is under way, and what waits for its end.
    busy: HashMap<ProfileId, VecDeque<ReadyDelivery>>,
    /// Everything that is in memory, up to when its last attempt is recorded.
    known: HashSet<DeliveryId>,
    /// Whether the database may have more.
    pub(super) has_more: bool,
    /// While the database is read: what was recorded since, and may stand in the answer as it was before.
    recorded_meanwhile: Option<HashSet<DeliveryId>>,
}

impl Queue {
    /// Nothing is in memory; the database may have something.
    pub(super) fn of_database() -> Self {
        Self { has_more: true, ..Self::default() }
    }

    /// Takes a delivery in, unless it is there already or there is no room. Those that are due keep the order in
    /// which they are offered: that of commit.
    pub(super) fn offer(&mut self, delivery: ReadyDelivery, now: Timestamp) {
        if self.known.contains(&delivery.delivery) {
            return;
        }
        if self.known.len() >= CAPACITY {
            self.has_more = true;
            return;
        }
        self.known.insert(delivery.delivery);
        if delivery.due <= now {
            self.ready.push_back(delivery);
        } else {
            self.later.insert((delivery.due, delivery.delivery), delivery);
        }
    }

    /// The next delivery to send at `now`.
    pub(super) fn next(&mut self, now: Timestamp) -> Option<ReadyDelivery> {
        while let Some(entry) = self.later.first_entry().filter(|entry| entry.key().0 <= now) {
            self.ready.push_back(entry.remove());
        }
        while let Some(delivery) = self.ready.pop_front() {
            let Some(profile) = ordered_by(&delivery) else { return Some(delivery) };
            match self.busy.get_mut(&profile) {
                Some(waiting) => waiting.push_back(delivery),
                None => {
                    self.busy.insert(profile, VecDeque::new());
                    return Some(delivery);
                }
            }
        }
        None
    }

    /// Puts one back that could not be sent now after all.
    pub(super) fn put_back(&mut self, delivery: ReadyDelivery) {
        self.tried(&delivery);
        self.ready.push_front(delivery);
    }

    /// A try has ended, however: the next one of the same person may go.
    pub(super) fn tried(&mut self, delivery: &ReadyDelivery) {
        let waiting = ordered_by(delivery).and_then(|profile| self.busy.remove(&profile));
        for next in waiting.into_iter().flatten().rev() {
            self.ready.push_front(next);
        }
    }

    /// What became of it is in the database: it may be loaded again from there.
    pub(super) fn forget(&mut self, delivery: DeliveryId) {
        self.known.remove(&delivery);
        if let Some(recorded) = &mut self.recorded_meanwhile {
            recorded.insert(delivery);
        }
    }

    /// The database is about to be read; says for how many there is room, or nothing when it is being read already.
    pub(super) fn begin_load(&mut self) -> Option<u32> {
        if self.recorded_meanwhile.is_some() {
            return None;
        }
        self.recorded_meanwhile = Some(HashSet::new());
        self.has_more = false;
        Some(u32::try_from(CAPACITY.saturating_sub(self.known.len())).unwrap_or(u32::MAX).min(LARGEST_PAGE))
    }

    /// What the database had; nothing when it could not be read.
    pub(super) fn end_load(&mut self, loaded: Option<Vec<ReadyDelivery>>, room: u32, now: Timestamp) {
        let recorded = self.recorded_meanwhile.take().unwrap_or_default();
        self.has_more |=
            loaded.as_ref().is_none_or(|loaded| loaded.len() >= room as usize) || !recorded.is_empty();
        for delivery in loaded.into_iter().flatten().filter(|delivery| !recorded.contains(&delivery.delivery))
        {
            self.offer(delivery, now);
        }
    }

    /// When the next one is due that is not due yet.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.later.first_key_value().map(|((due, _), _)| *due)
    }

    /// Whether more should be loaded.
    pub(super) fn wants_more(&self) -> bool {
        self.has_more && self.known.len() < CAPACITY / 2
    }
}

/// Whose order a delivery keeps; a retry keeps none.
fn ordered_by(delivery: &ReadyDelivery) -> Option<ProfileId> {
    if delivery.attempts == 0 { delivery.event.profile } else { None }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;
    use tributary_domain::{
        event::EventData,
        id::{DestinationId, EventId, MessageId, SourceId, TenantId, WorkflowId},
    };
    use tributary_store::ledger::StoredEvent;

    use super::*;

    fn delivery(number: u64, profile: Option<u128>, due: i64) -> ReadyDelivery {
        let message = MessageId::new(number, 0);
        let event = EventId::derive(message, WorkflowId::new(1, 1), 0);
        let draft = json!({"index": 0, "kind": "track", "name": "Lead", "time": 0, "dedupe_id": null, "identifiers": [],
            "rejected": [], "traits": {}, "attributes": {}, "groups": {}, "group_traits": {}, "consents": {}});
        let data = json!({"draft": draft, "created": false, "steps": [], "context": {}});
        let data: EventData = serde_json::from_value(data).expect("event data");
        ReadyDelivery {
            tenant: TenantId::new(1, 1),
            destination: DestinationId::new(1, 1),
            delivery: DeliveryId::derive(event, DestinationId::new(1, 1), 0),
            attempts: 0,
            due: Timestamp::from_seconds(due),
            event: Arc::new(StoredEvent {
                id: event,
                source: SourceId::new(1, 1),
                workflow: WorkflowId::new(1, 1),
                profile: profile.map(|bits| ProfileId::new(1, bits)),
                received: Timestamp::from_seconds(0),
                trace_parent: None,
                data,
            }),
        }
    }

    const NOW: Timestamp = Timestamp::from_seconds(10);

    #[test]
    fn first_tries_of_one_person_go_one_after_another_and_others_go_meanwhile() {
        let mut queue = Queue::default();
        let all = [delivery(1, Some(7), 1), delivery(2, Some(7), 1), delivery(3, Some(8), 1)];
        all.iter().cloned().for_each(|delivery| queue.offer(delivery, NOW));
        let first = queue.next(NOW).expect("the first");
        assert_eq!(first.delivery, all[0].delivery);
        assert_eq!(queue.next(NOW).map(|next| next.delivery), Some(all[2].delivery), "of somebody else");
        assert!(queue.next(NOW).is_none());
        queue.tried(&first);
        assert_eq!(queue.next(NOW).map(|next| next.delivery), Some(all[1].delivery));
    }

    #[test]
    fn what_is_not_due_waits_and_says_until_when() {
        let mut queue = Queue::default();
        queue.offer(delivery(1, None, 20), NOW);
        assert!(queue.next(NOW).is_none());
        assert_eq!(queue.next_due(), Some(Timestamp::from_seconds(20)));
        assert!(queue.next(Timestamp::from_seconds(20)).is_some());
    }

    #[test]
    fn a_retry_does_not_hold_up_the_same_person() {
        let mut queue = Queue::default();
        queue.offer(ReadyDelivery { attempts: 1, ..delivery(1, Some(7), 1) }, NOW);
        queue.offer(delivery(2, Some(7), 1), NOW);
        assert!(queue.next(NOW).is_some());
        assert!(queue.next(NOW).is_some());
    }

    #[test]
    fn the_same_delivery_is_taken_once_until_it_is_recorded() {
        let mut queue = Queue::default();
        queue.offer(delivery(1, None, 1), NOW);
        queue.offer(delivery(1, None, 1), NOW);
        let sent = queue.next(NOW).expect("once");
        assert!(queue.next(NOW).is_none());
        queue.offer(delivery(1, None, 1), NOW);
        assert!(queue.next(NOW).is_none(), "its attempt is not recorded yet");
        queue.forget(sent.delivery);
        queue.offer(delivery(1, None, 1), NOW);
        assert!(queue.next(NOW).is_some());
    }

    #[test]
    fn what_does_not_fit_is_left_in_the_database() {
        let mut queue = Queue::default();
        (0..CAPACITY as u64 + 5).for_each(|number| queue.offer(delivery(number, None, 1), NOW));
        assert!(queue.has_more && !queue.wants_more());
        for _ in 0..CAPACITY {
            let sent = queue.next(NOW).expect("in memory");
            queue.forget(sent.delivery);
        }
        assert!(queue.next(NOW).is_none() && queue.wants_more());
    }

    #[test]
    fn what_was_recorded_while_the_database_was_read_is_not_sent_again() {
        let mut queue = Queue::default();
        queue.offer(delivery(1, None, 1), NOW);
        let sent = queue.next(NOW).expect("sent");
        let room = queue.begin_load().expect("nothing is loading");
        assert!(queue.begin_load().is_none(), "one read at a time");
        queue.forget(sent.delivery);
        queue.end_load(Some(vec![delivery(1, None, 1), delivery(2, None, 1)]), room, NOW);
        assert_eq!(queue.next(NOW).map(|next| next.delivery), Some(delivery(2, None, 1).delivery));
        assert!(queue.next(NOW).is_none() && queue.has_more, "a retry that was recorded is looked for again");
    }
}
