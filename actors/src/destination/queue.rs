//! What a destination has to send, and in which order. First tries keep the order of commit per profile: the next
//! one of a person waits until the one before was tried. Retries go when they are due.
//!
//! What does not fit into memory is in the database and is loaded in order. While that may have something older,
//! nothing that was just committed is taken in ahead of it: it is loaded in its turn.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use tributary_domain::{
    id::{DeliveryId, ProfileId},
    time::Timestamp,
};
use tributary_store::{LARGEST_PAGE, Page, Paged, StoreError, ledger::ReadyDelivery};

/// Deliveries that one destination knows of at a time; what does not fit stays in the database and is loaded later.
const CAPACITY: usize = 2_000;
/// Most offers that wait for the end of a load.
const MOST_OFFERED: usize = 1_000;

/// A place in the order in which the database is read.
pub(super) type Place = (Timestamp, DeliveryId);

/// The deliveries of one destination that are in memory.
#[derive(Debug, Default)]
pub(super) struct Queue {
    ready: VecDeque<ReadyDelivery>,
    later: BTreeMap<Place, ReadyDelivery>,
    /// Whose first try is under way, and what waits for its end.
    busy: HashMap<ProfileId, VecDeque<ReadyDelivery>>,
    /// Everything that is in memory, up to when its last attempt is recorded.
    known: HashSet<DeliveryId>,
    /// Whether the database may have more after the place up to which it was read.
    has_more: bool,
    /// Whether what it may have more is older than what is offered.
    is_behind: bool,
    /// Up to where the database was read; none: the next load begins with what is due longest.
    read: Option<Place>,
    /// Whether the next load begins there whatever was read.
    from_start: bool,
    /// While the database is read.
    load: Option<Load>,
}

/// What happens while the database is read.
#[derive(Debug, Default)]
struct Load {
    /// What was recorded meanwhile, and may stand in the answer as it was before.
    recorded: HashSet<DeliveryId>,
    /// What was offered meanwhile, and comes after what is older.
    offered: Vec<ReadyDelivery>,
}

impl Queue {
    /// Nothing is in memory; the database may have something.
    pub(super) fn of_database() -> Self {
        Self { has_more: true, is_behind: true, ..Self::default() }
    }

    /// Takes in a delivery that was just committed, unless it is there already, there is no room, or older ones are
    /// still to be loaded.
    pub(super) fn offer(&mut self, delivery: ReadyDelivery, now: Timestamp) {
        if !self.is_behind {
            return self.take(delivery, now);
        }
        match &mut self.load {
            Some(load) if load.offered.len() < MOST_OFFERED => load.offered.push(delivery),
            _ => self.leave(&delivery),
        }
    }

    /// Those that are due keep the order in which they are taken: that of commit.
    fn take(&mut self, delivery: ReadyDelivery, now: Timestamp) {
        if self.known.contains(&delivery.delivery) {
            return;
        }
        if self.known.len() >= CAPACITY {
            return self.leave(&delivery);
        }
        self.known.insert(delivery.delivery);
        if delivery.due <= now {
            self.ready.push_back(delivery);
        } else {
            self.later.insert((delivery.due, delivery.delivery), delivery);
        }
    }

    /// Leaves a delivery to be loaded. A load that is under way may have begun before it was committed.
    fn leave(&mut self, delivery: &ReadyDelivery) {
        self.has_more = true;
        self.is_behind = true;
        self.from_start |= self.load.is_some() || self.read >= Some((delivery.due, delivery.delivery));
    }

    /// Retries may have come due in the database: it is to be read from the start.
    pub(super) fn look_again(&mut self) {
        self.has_more = true;
        self.from_start = true;
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

    /// Puts one back that may not be sent before `until`; others of the same person go meanwhile.
    pub(super) fn postpone(&mut self, delivery: ReadyDelivery, until: Timestamp) {
        self.tried(&delivery);
        self.later.insert((until, delivery.delivery), delivery);
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
        if let Some(load) = &mut self.load {
            load.recorded.insert(delivery);
        }
    }

    /// Forgets what waits of these people: it is not sent any more. Says whether the database is being read, which may bring
    /// some of it back.
    pub(super) fn forget_people(&mut self, people: &HashSet<ProfileId>) -> bool {
        let is_theirs =
            |delivery: &ReadyDelivery| delivery.event.profile.is_some_and(|owner| people.contains(&owner));
        let known = &mut self.known;
        let mut keep = |delivery: &ReadyDelivery| {
            let keep = !is_theirs(delivery);
            if !keep {
                known.remove(&delivery.delivery);
            }
            keep
        };
        self.ready.retain(&mut keep);
        self.later.retain(|_, delivery| keep(delivery));
        for waiting in self.busy.values_mut() {
            waiting.retain(&mut keep);
        }
        if let Some(load) = &mut self.load {
            load.offered.retain(|delivery| !is_theirs(delivery));
        }
        self.load.is_some()
    }

    /// The database is about to be read; says which page, or nothing when it is being read already. A page begins
    /// where the one before ended: what is in memory is not read again and again.
    pub(super) fn begin_load(&mut self) -> Option<Page<Place>> {
        if self.load.is_some() {
            return None;
        }
        self.load = Some(Load::default());
        self.has_more = false;
        if std::mem::take(&mut self.from_start) {
            self.read = None;
        }
        let room = CAPACITY.saturating_sub(self.known.len());
        let limit = u32::try_from(room).unwrap_or(u32::MAX).min(LARGEST_PAGE);
        Some(Page { after: self.read, limit })
    }

    /// What the database had, or why it could not be read.
    pub(super) fn end_load(
        &mut self,
        loaded: Result<Paged<ReadyDelivery, Place>, StoreError>,
        now: Timestamp,
    ) {
        let load = self.load.take().unwrap_or_default();
        match loaded {
            Ok(page) => {
                self.read = page.next;
                self.has_more |= page.next.is_some();
                self.is_behind &= self.has_more;
                for delivery in page.items {
                    // A retry that was recorded meanwhile is found when the database is looked through again.
                    if !load.recorded.contains(&delivery.delivery) {
                        self.take(delivery, now);
                    }
                }
            }
            Err(error) if error.is_transient() => self.has_more = true,
            // A row that cannot be read until somebody mends it must not hold up all that comes after it. The next
            // look tries again.
            Err(_) => self.is_behind = false,
        }
        for delivery in load.offered {
            if !load.recorded.contains(&delivery.delivery) {
                self.offer(delivery, now);
            }
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
            before: 0,
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
    fn what_is_postponed_waits_for_its_time_and_holds_up_nobody() {
        let mut queue = Queue::default();
        let all = [delivery(1, Some(7), 1), delivery(2, Some(7), 1)];
        all.iter().cloned().for_each(|delivery| queue.offer(delivery, NOW));
        let early = queue.next(NOW).expect("the first");
        let until = NOW.plus(std::time::Duration::from_secs(1));
        queue.postpone(early, until);
        queue.offer(all[0].clone(), NOW);
        assert_eq!(sent(&mut queue), ids(&all[1..]), "the next one of the same person, and nothing else");
        assert_eq!(queue.next_due(), Some(until));
        // It takes its turn behind who is being tried then.
        assert!(queue.next(until).is_none());
        queue.tried(&all[1]);
        assert_eq!(queue.next(until).map(|next| next.delivery), Some(all[0].delivery));
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
        assert!(queue.has_more && queue.is_behind && !queue.wants_more());
        for _ in 0..CAPACITY {
            let sent = queue.next(NOW).expect("in memory");
            queue.forget(sent.delivery);
        }
        assert!(queue.next(NOW).is_none() && queue.wants_more());
    }

    fn page(items: &[ReadyDelivery], is_last: bool) -> Result<Paged<ReadyDelivery, Place>, StoreError> {
        let last = items.last().map(|last| (last.due, last.delivery));
        Ok(Paged { items: items.to_vec(), next: last.filter(|_| !is_last) })
    }

    fn sent(queue: &mut Queue) -> Vec<DeliveryId> {
        std::iter::from_fn(|| queue.next(NOW)).map(|delivery| delivery.delivery).collect()
    }

    fn ids(deliveries: &[ReadyDelivery]) -> Vec<DeliveryId> {
        deliveries.iter().map(|delivery| delivery.delivery).collect()
    }

    #[test]
    fn what_was_recorded_while_the_database_was_read_is_not_sent_again() {
        let mut queue = Queue::default();
        queue.offer(delivery(1, None, 1), NOW);
        let first = queue.next(NOW).expect("sent");
        queue.begin_load().expect("nothing is loading");
        assert!(queue.begin_load().is_none(), "one read at a time");
        queue.forget(first.delivery);
        queue.end_load(page(&[delivery(1, None, 1), delivery(2, None, 1)], true), NOW);
        assert_eq!(sent(&mut queue), ids(&[delivery(2, None, 1)]));
        assert!(!queue.wants_more(), "the next look finds its retry");
    }

    #[test]
    fn a_backlog_is_read_once_although_it_stays_in_memory() {
        let mut queue = Queue::of_database();
        let all: Vec<_> = (0..4).map(|number| delivery(number, None, 1)).collect();
        assert_eq!(queue.begin_load().map(|page| page.after), Some(None));
        queue.end_load(page(&all[..2], false), NOW);
        let next = queue.begin_load().expect("there is more");
        assert_eq!(next.after, Some((all[1].due, all[1].delivery)), "where the first page ended");
        queue.end_load(page(&all[2..], true), NOW);
        assert!(!queue.wants_more(), "all of it is in memory");

        queue.look_again();
        assert!(queue.wants_more());
        assert_eq!(queue.begin_load().map(|page| page.after), Some(None), "retries may be due");
        queue.end_load(page(&all, true), NOW);
        assert_eq!(sent(&mut queue), ids(&all), "each once");
    }

    #[test]
    fn what_is_committed_does_not_overtake_what_is_still_to_be_loaded() {
        let mut queue = Queue::of_database();
        let all: Vec<_> = (0..5).map(|number| delivery(number, None, 1)).collect();
        queue.offer(all[3].clone(), NOW);
        assert!(queue.next(NOW).is_none(), "older ones may be in the database");
        queue.begin_load().expect("loads");
        queue.offer(all[4].clone(), NOW);
        queue.end_load(page(&all[..2], false), NOW);
        assert_eq!(sent(&mut queue), ids(&all[..2]), "there is more between them");
        queue.begin_load().expect("loads");
        queue.offer(all[4].clone(), NOW);
        queue.end_load(page(&all[2..4], true), NOW);
        assert_eq!(sent(&mut queue), ids(&all[2..]), "the offer follows what was loaded");
        queue.offer(delivery(5, None, 1), NOW);
        assert_eq!(sent(&mut queue).len(), 1, "nothing older is left");
    }

    #[test]
    fn after_an_overflow_the_rest_is_loaded_in_order() {
        let mut queue = Queue::default();
        let all: Vec<_> = (0..CAPACITY as u64 + 2).map(|number| delivery(number, None, 1)).collect();
        all[..=CAPACITY].iter().cloned().for_each(|delivery| queue.offer(delivery, NOW));
        for id in sent(&mut queue) {
            queue.forget(id);
        }
        queue.offer(all[CAPACITY + 1].clone(), NOW);
        assert!(queue.next(NOW).is_none(), "there is room, and an older one in the database");
        assert_eq!(queue.begin_load().map(|page| page.after), Some(None));
        queue.end_load(page(&all[CAPACITY..], true), NOW);
        assert_eq!(sent(&mut queue), ids(&all[CAPACITY..]));
    }

    #[test]
    fn what_is_committed_before_the_place_that_was_read_is_not_missed() {
        let mut queue = Queue::of_database();
        queue.begin_load().expect("loads");
        queue.end_load(page(&[delivery(1, None, 20), delivery(2, None, 30)], false), NOW);
        queue.offer(delivery(3, None, 5), NOW);
        assert_eq!(queue.begin_load().map(|page| page.after), Some(None), "from the start again");
    }

    #[test]
    fn a_read_that_failed_is_made_again_from_the_same_place() {
        let mut queue = Queue::of_database();
        queue.begin_load().expect("loads");
        queue.end_load(page(&[delivery(1, None, 1)], false), NOW);
        let failed = queue.begin_load().expect("loads");
        queue.offer(delivery(3, None, 2), NOW);
        queue.end_load(Err(StoreError::Timeout), NOW);
        assert_eq!(queue.next(NOW).map(|next| next.delivery), Some(delivery(1, None, 1).delivery));
        assert!(
            queue.next(NOW).is_none() && queue.wants_more(),
            "the offer is behind what could not be read"
        );
        assert_eq!(queue.begin_load(), Some(failed));
    }

    #[test]
    fn a_row_that_cannot_be_read_does_not_hold_up_what_is_committed() {
        let mut queue = Queue::of_database();
        queue.begin_load().expect("loads");
        queue.offer(delivery(1, None, 1), NOW);
        queue.end_load(Err(StoreError::Corrupt { what: "events.data" }), NOW);
        queue.offer(delivery(2, None, 1), NOW);
        assert_eq!(sent(&mut queue), ids(&[delivery(1, None, 1), delivery(2, None, 1)]));
        assert!(!queue.wants_more(), "not before the next look");
    }
}
