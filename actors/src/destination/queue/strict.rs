//! Strict order: who waits for whom, in memory and in the database.

use std::{
    collections::{HashSet, VecDeque, hash_map::Entry},
    time::Duration,
};

use tributary_domain::{
    id::{DeliveryId, ProfileId},
    time::Timestamp,
};
use tributary_store::ledger::ReadyDelivery;

use super::{Busy, Place, Queue};
use crate::destination::target::people;

/// How long after a retry what waits behind it is due: so shortly that nothing of its person comes between them, and both
/// are loaded together.
const RIGHT_AFTER: Duration = Duration::from_micros(1);

impl Queue {
    pub(super) fn pass(&mut self, delivery: &ReadyDelivery) {
        if let Some(profile) = delivery.event.profile.filter(|_| self.rules.is_strict) {
            self.passed.insert(delivery.delivery, profile);
        }
    }

    /// What these may pass although the database has them wait for it.
    pub(in crate::destination) fn passed_by(&self, batch: &[ReadyDelivery]) -> HashSet<DeliveryId> {
        if self.passed.is_empty() {
            return HashSet::new();
        }
        let people = people(batch.iter());
        let theirs = self.passed.iter().filter(|(_, profile)| people.contains(profile));
        theirs.map(|(delivery, _)| *delivery).collect()
    }

    /// One whose turn it was has to wait for another of the same person, as the database says, and so does all that waits for
    /// it: beside that one where it is in memory, and else in the database, from where it is loaded after it.
    pub(in crate::destination) fn fall_behind(&mut self, delivery: ReadyDelivery, (due, with): Place) {
        let Some(profile) = delivery.event.profile else { return self.push_front(delivery) };
        let mut busy = self.busy.remove(&profile).unwrap_or_else(|| Busy::with(delivery.delivery));
        busy.wait(delivery);
        for other in self.take_ready(profile, with) {
            busy.wait(other);
        }
        if let Some(place) = busy.waiting.iter().position(|other| other.delivery == with) {
            busy.waiting.remove(place).into_iter().for_each(|first| self.push_front(first));
        }
        let is_queued = !self.leaving.contains(&with) && !self.passed.contains_key(&with);
        if self.known.contains_key(&with) && is_queued {
            self.busy.insert(profile, Busy { with, ..busy });
        } else {
            self.leave_behind(busy.waiting, due);
        }
    }

    /// What is due of a person, without this one.
    fn take_ready(&mut self, profile: ProfileId, but: DeliveryId) -> Vec<ReadyDelivery> {
        let is_theirs = |one: &ReadyDelivery| one.event.profile == Some(profile) && one.delivery != but;
        self.ready.extract_if(.., |_, one| is_theirs(one)).map(|(_, one)| one).collect()
    }

    fn leave_behind(&mut self, waiting: VecDeque<ReadyDelivery>, due: Timestamp) {
        self.leaving.extend(waiting.iter().map(|one| one.delivery));
        self.behind.extend(waiting.into_iter().map(|one| (one, due.plus(RIGHT_AFTER))));
    }

    /// One of these rules' persons waits until this delivery, which was under way and is tried again at `due`, is done with.
    pub(in crate::destination) fn hold(&mut self, delivery: &ReadyDelivery, due: Timestamp) {
        let Some(profile) = delivery.event.profile.filter(|_| self.rules.is_strict) else { return };
        let waiting = self.take_ready(profile, delivery.delivery);
        let busy = self.busy.entry(profile).or_insert_with(|| Busy::with(delivery.delivery));
        waiting.into_iter().for_each(|one| busy.wait(one));
        if busy.again.is_none() {
            (busy.with, busy.again) = (delivery.delivery, Some(due));
        }
    }

    /// A retry is in the database, where all that waits for it goes.
    pub(in crate::destination) fn leave_held(&mut self, profile: ProfileId, delivery: DeliveryId) {
        let is_held = |busy: &Busy| busy.with == delivery && busy.again.is_some();
        if let Entry::Occupied(busy) = self.busy.entry(profile)
            && is_held(busy.get())
        {
            let Busy { again, waiting, .. } = busy.remove();
            self.leave_behind(waiting, again.unwrap_or_default());
        }
    }

    /// Nothing waits any longer for what is not in memory, whosever it is there: a replay writes an event anew, and may write it
    /// for another profile than that which a delivery of it was loaded with.
    pub(super) fn free(&mut self, delivery: DeliveryId) {
        if !self.rules.is_strict {
            return;
        }
        let is_over = |busy: &Busy| busy.with == delivery && busy.again.is_none();
        let free: Vec<Busy> = self.busy.extract_if(|_, busy| is_over(busy)).map(|(_, busy)| busy).collect();
        for next in free.into_iter().flat_map(|busy| busy.waiting).rev() {
            self.push_front(next);
        }
    }

    /// The delivery is done with: what waits behind it may go, also what waits in the database.
    pub(in crate::destination) fn done(&mut self, delivery: &ReadyDelivery) {
        self.pass(delivery);
        if self.rules.is_strict && delivery.attempts > 1 {
            self.look_again();
        }
    }

    /// What has to wait in the database, and until when. It is known until it has left.
    pub(in crate::destination) fn take_behind(&mut self) -> Vec<(DeliveryId, Timestamp)> {
        self.behind.drain(..).map(|(delivery, due)| (delivery.delivery, due)).collect()
    }

    /// These wait in the database now, or are to be loaded again from there.
    pub(in crate::destination) fn left(&mut self, behind: &[(DeliveryId, Timestamp)], now: Timestamp) {
        behind.iter().for_each(|(delivery, _)| self.forget(*delivery));
        if behind.iter().any(|(_, due)| *due <= now) {
            self.look_again();
        }
    }
}
