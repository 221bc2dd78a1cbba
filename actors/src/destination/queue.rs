//! What a destination has to send, and in which order. First tries keep the order of commit per profile: the next
//! one of a person waits until the one before was tried. Retries go when they are due. Where the platform needs it, the
//! next one waits until the one before is done with, however often that has to be tried. Where events get too old to be
//! sent, the oldest go first.
//!
//! Where one waits for another over tries, the database says who comes before whom, and is asked before one is sent: so it
//! does not matter what of a person is in memory, and nothing has to be remembered of those who are not.
//!
//! What does not fit into memory is in the database and is loaded in order. While that may have something older,
//! nothing that was just committed is taken in ahead of it: it is loaded in its turn.

mod strict;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use tributary_domain::{
    id::{DeliveryId, ProfileId},
    time::Timestamp,
};
use tributary_store::{LARGEST_PAGE, Page, Paged, StoreError, ledger::ReadyDelivery};

use super::line;

/// Deliveries that one destination knows of at a time; what does not fit stays in the database and is loaded later.
const CAPACITY: usize = if cfg!(test) { 64 } else { 2_000 };
/// Most offers that wait for the end of a load.
const MOST_OFFERED: usize = 1_000;

/// How far ahead it is looked for more of the same person.
const NEAR: usize = 200;

/// A place in the order in which the database is read.
pub(super) type Place = (Timestamp, DeliveryId);
/// A place among those that are due: the time of the event where that matters, and the order of arrival.
type Turn = (Timestamp, i64);

/// What a platform asks of the order in which it is sent events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Rules {
    /// Whether events get too old: the oldest go first then.
    pub(super) expires: bool,
    /// Whether a person's next event waits until the one before is done with.
    pub(super) is_strict: bool,
    /// Whether a batch is of one person.
    pub(super) of_one_person: bool,
}

/// The deliveries of one destination that are in memory.
#[derive(Debug, Default)]
pub(super) struct Queue {
    rules: Rules,
    ready: BTreeMap<Turn, ReadyDelivery>,
    /// The numbers of the first and the last one that arrived; one that comes back arrives before the first.
    arrived: (i64, i64),
    later: BTreeMap<Place, ReadyDelivery>,
    /// Parts of batches that were refused for something in them: each goes by itself.
    parts: VecDeque<Vec<ReadyDelivery>>,
    /// Whose delivery is under way, or comes before all others of theirs, and what waits for its end.
    busy: HashMap<ProfileId, Busy>,
    /// What waits for one that is not in memory: it goes out of it too as soon as the database has its new time.
    behind: Vec<(ReadyDelivery, Timestamp)>,
    /// What is on its way there.
    leaving: HashSet<DeliveryId>,
    /// What others may pass although the database has them wait for it: it has ended, and that is to be recorded, or it waits
    /// for what it follows.
    passed: HashMap<DeliveryId, ProfileId>,
    /// Everything that is in memory, up to when its last attempt is recorded, and how it came there.
    known: HashMap<DeliveryId, Origin>,
    /// What was loaded and has left: its offer may still be on the way, and says what was true before.
    gone: Lately,
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

/// How a delivery came into memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    Offer,
    Database,
}

/// The last ones that were put in.
#[derive(Debug, Default)]
struct Lately {
    order: VecDeque<DeliveryId>,
    all: HashSet<DeliveryId>,
}

impl Lately {
    fn insert(&mut self, delivery: DeliveryId) {
        if self.all.insert(delivery) {
            self.order.push_back(delivery);
        }
        if self.order.len() > CAPACITY {
            self.order.pop_front().map(|oldest| self.all.remove(&oldest));
        }
    }
}

/// A person of whom something is under way.
#[derive(Debug)]
struct Busy {
    with: DeliveryId,
    /// When that one is tried again, where others wait for it until then and that is to be recorded.
    again: Option<Timestamp>,
    waiting: VecDeque<ReadyDelivery>,
}

impl Busy {
    fn with(with: DeliveryId) -> Self {
        Self { with, again: None, waiting: VecDeque::new() }
    }

    /// One comes to wait in strict order: some come from the database, and others by offers.
    fn wait(&mut self, delivery: ReadyDelivery) {
        let place = self.waiting.partition_point(|other| line::rank(other) <= line::rank(&delivery));
        self.waiting.insert(place, delivery);
    }
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

    /// Goes by these rules from now on.
    pub(super) fn set_rules(&mut self, rules: Rules) {
        self.rules = rules;
        let ready = std::mem::take(&mut self.ready);
        self.ready =
            ready.into_iter().map(|((_, number), one)| ((self.urgency(&one), number), one)).collect();
    }

    /// Takes in a delivery that was just committed, unless it is there already, was loaded and has left, there is no room, or
    /// older ones are still to be loaded.
    pub(super) fn offer(&mut self, delivery: ReadyDelivery, now: Timestamp) {
        if self.gone.all.contains(&delivery.delivery) {
            return self.leave(&delivery);
        }
        if !self.is_behind {
            return self.take(delivery, Origin::Offer, now);
        }
        match &mut self.load {
            Some(load) if load.offered.len() < MOST_OFFERED => load.offered.push(delivery),
            _ => self.leave(&delivery),
        }
    }

    /// Those that are due keep the order in which they are taken: that of commit.
    fn take(&mut self, delivery: ReadyDelivery, origin: Origin, now: Timestamp) {
        if self.known.contains_key(&delivery.delivery) {
            return;
        }
        if self.known.len() >= CAPACITY {
            return self.leave(&delivery);
        }
        self.known.insert(delivery.delivery, origin);
        self.place(delivery, now);
    }

    /// Puts one where it waits for its turn.
    fn place(&mut self, delivery: ReadyDelivery, now: Timestamp) {
        if delivery.due <= now {
            self.come_due(now);
            self.push_back(delivery);
        } else {
            self.later.insert((delivery.due, delivery.delivery), delivery);
        }
    }

    fn urgency(&self, delivery: &ReadyDelivery) -> Timestamp {
        if self.rules.expires { delivery.event.draft().time } else { Timestamp::from_micros(0) }
    }

    fn push_back(&mut self, delivery: ReadyDelivery) {
        self.arrived.1 += 1;
        self.ready.insert((self.urgency(&delivery), self.arrived.1), delivery);
    }

    fn push_front(&mut self, delivery: ReadyDelivery) {
        self.arrived.0 -= 1;
        self.ready.insert((self.urgency(&delivery), self.arrived.0), delivery);
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

    /// Whether something is due at `now`, although it may have to wait for another.
    pub(super) fn has_due(&self, now: Timestamp) -> bool {
        !self.parts.is_empty() || !self.ready.is_empty() || self.next_due().is_some_and(|due| due <= now)
    }

    /// The next deliveries to send together at `now`, at most `most`; empty: nothing may go. They are all of one person where
    /// the rules say so, and else no two of them are.
    pub(super) fn next(&mut self, now: Timestamp, most: usize) -> Vec<ReadyDelivery> {
        self.come_due(now);
        if let Some(part) = self.parts.pop_front() {
            return part;
        }
        let mut batch = Vec::new();
        let different = if self.rules.of_one_person { most.min(1) } else { most };
        while batch.len() < different {
            let Some((_, delivery)) = self.ready.pop_first() else { break };
            let Some(profile) = self.ordered_by(&delivery) else {
                batch.push(delivery);
                continue;
            };
            match self.busy.get_mut(&profile) {
                Some(busy) if busy.with != delivery.delivery => {
                    if self.rules.is_strict {
                        busy.wait(delivery);
                    } else {
                        busy.waiting.push_back(delivery);
                    }
                }
                // Others may wait for it already.
                _ => {
                    self.busy.entry(profile).or_insert_with(|| Busy::with(delivery.delivery));
                    batch.push(delivery);
                }
            }
        }
        if self.rules.of_one_person {
            self.add_of_same(&mut batch, most);
        }
        batch
    }

    /// Adds what is next of the one person of a batch.
    fn add_of_same(&mut self, batch: &mut Vec<ReadyDelivery>, most: usize) {
        let Some(profile) = batch.first().and_then(|first| self.ordered_by(first)) else { return };
        let is_theirs = |one: &ReadyDelivery| self.ordered_by(one) == Some(profile);
        let near = self.ready.iter().take(NEAR).filter(|(_, one)| is_theirs(one));
        let turns: Vec<Turn> = near.map(|(turn, _)| *turn).take(most.saturating_sub(1)).collect();
        batch.extend(turns.iter().filter_map(|turn| self.ready.remove(turn)));
    }

    fn come_due(&mut self, now: Timestamp) {
        while let Some(entry) = self.later.first_entry().filter(|entry| entry.key().0 <= now) {
            let delivery = entry.remove();
            // One that waited for what it follows comes in its turn again.
            self.passed.remove(&delivery.delivery);
            self.push_back(delivery);
        }
    }

    /// Takes out what is due at `now` and happened before `oldest`: it is not sent any more.
    pub(super) fn expired(&mut self, now: Timestamp, oldest: Timestamp) -> Vec<ReadyDelivery> {
        self.come_due(now);
        let mut expired = Vec::new();
        if !self.rules.expires {
            return expired;
        }
        while let Some(entry) = self.ready.first_entry().filter(|entry| entry.key().0 < oldest) {
            expired.push(entry.remove());
        }
        expired
    }

    /// Puts one back that could not be sent now after all.
    pub(super) fn put_back(&mut self, delivery: ReadyDelivery) {
        self.tried(&delivery);
        self.push_front(delivery);
    }

    /// Puts one back that may not be sent before `until`; others of the same person go meanwhile.
    pub(super) fn postpone(&mut self, delivery: ReadyDelivery, until: Timestamp) {
        self.pass(&delivery);
        self.tried(&delivery);
        self.later.insert((until, delivery.delivery), delivery);
    }

    /// A batch was refused for something in it: its halves go next, one after the other. Whose they are stays as it is.
    pub(super) fn halve(&mut self, mut batch: Vec<ReadyDelivery>) {
        let rest = batch.split_off(batch.len().div_ceil(2));
        for half in [rest, batch] {
            if !half.is_empty() {
                self.parts.push_front(half);
            }
        }
    }

    /// A try has ended, however: the next one of the same person may go.
    pub(super) fn tried(&mut self, delivery: &ReadyDelivery) {
        let Some(profile) = delivery.event.profile else { return };
        // What waits for one that is tried again waits on.
        if self.busy.get(&profile).is_some_and(|busy| busy.with == delivery.delivery && busy.again.is_none())
        {
            let busy = self.busy.remove(&profile);
            for next in busy.into_iter().flat_map(|busy| busy.waiting).rev() {
                self.push_front(next);
            }
        }
    }

    /// What became of it is in the database: it may be loaded again from there.
    pub(super) fn forget(&mut self, delivery: DeliveryId) {
        if self.known.remove(&delivery) == Some(Origin::Database) {
            self.gone.insert(delivery);
        }
        self.leaving.remove(&delivery);
        self.passed.remove(&delivery);
        self.free(delivery);
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
        self.ready.retain(|_, delivery| keep(delivery));
        self.later.retain(|_, delivery| keep(delivery));
        for part in &mut self.parts {
            part.retain(&mut keep);
        }
        self.parts.retain(|part| !part.is_empty());
        for busy in self.busy.values_mut() {
            busy.waiting.retain(&mut keep);
        }
        self.behind.retain(|(delivery, _)| keep(delivery));
        // What others wait for may be gone with them.
        self.busy.retain(|profile, busy| !people.contains(profile) || known.contains_key(&busy.with));
        self.leaving.retain(|delivery| known.contains_key(delivery));
        self.passed.retain(|delivery, _| known.contains_key(delivery));
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
                // Where order is strict, what is still to be loaded may be what the next offer has to follow.
                self.is_behind = self.has_more && (self.is_behind || self.rules.is_strict);
                for delivery in page.items {
                    // A retry that was recorded meanwhile is found when the database is looked through again.
                    if !load.recorded.contains(&delivery.delivery) {
                        self.take(delivery, Origin::Database, now);
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

    /// Whether the database is being read.
    pub(super) fn is_loading(&self) -> bool {
        self.load.is_some()
    }

    /// When the next one is due that is not due yet.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.later.first_key_value().map(|((due, _), _)| *due)
    }

    /// Whether more should be loaded.
    pub(super) fn wants_more(&self) -> bool {
        self.has_more && self.known.len() < CAPACITY / 2
    }

    /// How many are in memory, and whether the database has more.
    pub(super) fn waiting(&self) -> (usize, bool) {
        (self.known.len(), self.has_more)
    }

    /// Whose order a delivery keeps; where order is not strict, a retry keeps none.
    fn ordered_by(&self, delivery: &ReadyDelivery) -> Option<ProfileId> {
        if delivery.attempts == 0 || self.rules.is_strict { delivery.event.profile } else { None }
    }
}

#[cfg(test)]
mod tests;
