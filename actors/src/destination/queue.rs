//! What a destination has to send, and in which order. First tries keep the order of commit per profile: the next
//! one of a person waits until the one before was tried. Retries go when they are due. Where the platform needs it, the
//! next one waits until the one before is done with, however often that has to be tried. Where events get too old to be
//! sent, the oldest go first.
//!
//! What does not fit into memory is in the database and is loaded in order. While that may have something older,
//! nothing that was just committed is taken in ahead of it: it is loaded in its turn.

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    time::Duration,
};

use tributary_domain::{
    id::{DeliveryId, ProfileId},
    time::Timestamp,
};
use tributary_store::{LARGEST_PAGE, Page, Paged, StoreError, ledger::ReadyDelivery};

/// Deliveries that one destination knows of at a time; what does not fit stays in the database and is loaded later.
const CAPACITY: usize = 2_000;
/// Most offers that wait for the end of a load.
const MOST_OFFERED: usize = 1_000;

/// How long after a retry what waits behind it is due: so shortly that nothing of its person comes between them, and both
/// are loaded together.
const RIGHT_AFTER: Duration = Duration::from_micros(1);

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
    /// Whose delivery waits to be tried again while others of theirs may not pass it: which, and when it is due.
    held: HashMap<ProfileId, Place>,
    /// What waits behind such a one, out of memory as soon as the database has its new time.
    behind: Vec<(ReadyDelivery, Timestamp)>,
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

/// A person of whom something is under way.
#[derive(Debug)]
struct Busy {
    with: DeliveryId,
    waiting: VecDeque<ReadyDelivery>,
}

impl Busy {
    /// One comes to wait in the order of ids, which is that of the database too: some come from there, and others by offers.
    fn wait(&mut self, delivery: ReadyDelivery) {
        let place = self.waiting.partition_point(|other| other.delivery < delivery.delivery);
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
        self.ready = ready.into_iter().map(|((_, number), one)| ((self.rank(&one), number), one)).collect();
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
        self.place(delivery, now);
    }

    /// Puts one where it waits for its turn. What has to follow a retry waits beside it where both are in memory, and else in
    /// the database, from where both are loaded.
    fn place(&mut self, delivery: ReadyDelivery, now: Timestamp) {
        let owner = delivery.event.profile;
        let held = owner.and_then(|profile| Some((profile, *self.held.get(&profile)?)));
        let held = held.filter(|(_, (_, held))| *held != delivery.delivery);
        if let Some((profile, (due, with))) = held
            && delivery.due <= due.max(now).plus(RIGHT_AFTER)
        {
            let is_near = self.known.contains(&with);
            // While there is more to be loaded, older ones may come that wait already.
            if is_near && (delivery.due > due || !self.has_more) {
                let nobody = || Busy { with, waiting: VecDeque::new() };
                self.busy.entry(profile).or_insert_with(nobody).wait(delivery);
            } else {
                self.is_behind |= is_near;
                self.behind.push((delivery, due.plus(RIGHT_AFTER)));
            }
        } else if delivery.due <= now {
            self.come_due(now);
            self.push_back(delivery);
        } else {
            self.later.insert((delivery.due, delivery.delivery), delivery);
        }
    }

    fn rank(&self, delivery: &ReadyDelivery) -> Timestamp {
        if self.rules.expires { delivery.event.draft().time } else { Timestamp::from_micros(0) }
    }

    fn push_back(&mut self, delivery: ReadyDelivery) {
        self.arrived.1 += 1;
        self.ready.insert((self.rank(&delivery), self.arrived.1), delivery);
    }

    fn push_front(&mut self, delivery: ReadyDelivery) {
        self.arrived.0 -= 1;
        self.ready.insert((self.rank(&delivery), self.arrived.0), delivery);
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
            match (self.busy.get_mut(&profile), self.held.get(&profile)) {
                (Some(busy), _) if busy.with != delivery.delivery => busy.waiting.push_back(delivery),
                // Others wait for it already.
                (Some(_), _) => batch.push(delivery),
                (None, Some((due, held))) if *held != delivery.delivery => {
                    // Beside one that is in memory it waits there: from the database it could come too late.
                    if self.known.contains(held) {
                        self.busy.insert(profile, Busy { with: *held, waiting: VecDeque::from([delivery]) });
                    } else {
                        self.behind.push((delivery, due.plus(RIGHT_AFTER)));
                    }
                }
                (None, _) => {
                    self.busy.insert(profile, Busy { with: delivery.delivery, waiting: VecDeque::new() });
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
        if self.held.get(&profile).is_none_or(|(_, held)| *held != delivery.delivery)
            && self.busy.get(&profile).is_some_and(|busy| busy.with == delivery.delivery)
        {
            let busy = self.busy.remove(&profile);
            for next in busy.into_iter().flat_map(|busy| busy.waiting).rev() {
                self.push_front(next);
            }
        }
    }

    /// One of these rules' persons waits until this delivery, which is tried again at `due`, is done with.
    pub(super) fn hold(&mut self, profile: ProfileId, delivery: DeliveryId, due: Timestamp) {
        if self.rules.is_strict {
            let held = self.held.entry(profile).or_insert((due, delivery));
            if held.1 != delivery {
                return;
            }
            held.0 = due;
            // What waits for its turn already waits for this one too.
            let is_theirs =
                |one: &ReadyDelivery| one.event.profile == Some(profile) && one.delivery != delivery;
            let ready = self.ready.extract_if(.., |_, one| is_theirs(one)).map(|(_, one)| one);
            let later = self.later.extract_if(.., |_, one| is_theirs(one)).map(|(_, one)| one);
            let waiting = ready.chain(later);
            if self.known.contains(&delivery) {
                let nobody = || Busy { with: delivery, waiting: VecDeque::new() };
                let busy = self.busy.entry(profile).or_insert_with(nobody);
                waiting.for_each(|one| busy.wait(one));
            } else {
                self.behind.extend(waiting.map(|one| (one, due.plus(RIGHT_AFTER))));
            }
        }
    }

    /// A retry is in the database, where all that waits for it goes.
    pub(super) fn leave_held(&mut self, profile: ProfileId, delivery: DeliveryId) {
        let Some((due, _)) = self.held.get(&profile).filter(|(_, held)| *held == delivery) else { return };
        if let Some(busy) = self.busy.remove(&profile) {
            self.behind.extend(busy.waiting.into_iter().map(|one| (one, due.plus(RIGHT_AFTER))));
        }
    }

    /// The delivery is done with: what waits behind it may go.
    pub(super) fn done(&mut self, profile: ProfileId, delivery: DeliveryId) {
        if self.held.get(&profile).is_some_and(|(_, held)| *held == delivery) {
            self.held.remove(&profile);
        }
    }

    /// What has to wait in the database, and until when. It is known until it is forgotten.
    pub(super) fn take_behind(&mut self) -> Vec<(DeliveryId, Timestamp)> {
        self.behind.drain(..).map(|(delivery, due)| (delivery.delivery, due)).collect()
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
        self.busy.retain(|profile, busy| !people.contains(profile) || known.contains(&busy.with));
        self.held.retain(|profile, _| !people.contains(profile));
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
                        self.take(delivery, now);
                    }
                }
            }
            Err(error) if error.is_transient() => self.has_more = true,
            // A row that cannot be read until somebody mends it must not hold up all that comes after it. The next
            // look tries again.
            Err(_) => self.is_behind = false,
        }
        if !self.has_more {
            // What they wait for may be in memory by now; where there is more, they are loaded with it.
            for (delivery, _) in std::mem::take(&mut self.behind) {
                self.place(delivery, now);
            }
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
