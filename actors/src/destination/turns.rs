//! Who may send next, where more wants to be sent at a time than the house sends: requests under way are counted over all
//! destinations, and what is given back goes round the tenants, and within a tenant round its destinations. One tenant
//! never has all of them. So who waits for many slow answers takes from others no more than a share.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;
use tributary_domain::id::{DestinationId, TenantId};

/// Who waits: tenants in turn, and whoever of each waits longest.
#[derive(Debug)]
struct Line<T> {
    turns: VecDeque<TenantId>,
    waiting: HashMap<TenantId, VecDeque<T>>,
}

impl<T> Line<T> {
    fn push(&mut self, tenant: TenantId, who: T) {
        let of_tenant = self.waiting.entry(tenant).or_default();
        if of_tenant.is_empty() {
            self.turns.push_back(tenant);
        }
        of_tenant.push_back(who);
    }

    /// The next one of those who may have one.
    fn pop(&mut self, may: impl Fn(TenantId, &T) -> bool) -> Option<(TenantId, T)> {
        let (place, first) = self.turns.iter().enumerate().find_map(|(place, tenant)| {
            let of_tenant = self.waiting.get(tenant)?;
            Some((place, of_tenant.iter().position(|who| may(*tenant, who))?))
        })?;
        let tenant = self.turns.remove(place)?;
        let of_tenant = self.waiting.get_mut(&tenant)?;
        let who = of_tenant.remove(first);
        if of_tenant.is_empty() {
            self.waiting.remove(&tenant);
        } else {
            self.turns.push_back(tenant);
        }
        who.map(|who| (tenant, who))
    }
}

impl<T> Default for Line<T> {
    fn default() -> Self {
        Self { turns: VecDeque::new(), waiting: HashMap::new() }
    }
}

/// A destination, and whose it is.
type Who = (TenantId, DestinationId);

#[derive(Debug)]
struct State {
    free: usize,
    /// How many a tenant may have, and has; and how many each destination.
    share: usize,
    held: HashMap<TenantId, usize>,
    own: HashMap<DestinationId, usize>,
    line: Line<(DestinationId, oneshot::Sender<Permit>)>,
}

impl State {
    fn give(&mut self, (tenant, destination): Who) {
        self.free -= 1;
        *self.held.entry(tenant).or_default() += 1;
        *self.own.entry(destination).or_default() += 1;
    }

    fn take_back(&mut self, (tenant, destination): Who) {
        self.free += 1;
        one_less(&mut self.held, tenant);
        one_less(&mut self.own, destination);
    }

    /// Whether it may have one more: never more than what its tenant has left. So a few slow destinations never have the
    /// whole share, and one alone has half of it.
    fn may(&self, (tenant, destination): Who) -> bool {
        let held = self.held.get(&tenant).copied().unwrap_or_default();
        self.own.get(&destination).copied().unwrap_or_default() < self.share.saturating_sub(held)
    }

    /// The next one in line that may have one.
    fn next(&mut self) -> Option<(Who, oneshot::Sender<Permit>)> {
        let mut line = std::mem::take(&mut self.line);
        let next = line.pop(|tenant, (destination, _)| self.may((tenant, *destination)));
        self.line = line;
        next.map(|(tenant, (destination, give))| ((tenant, destination), give))
    }
}

fn one_less<K: Hash + Eq>(counts: &mut HashMap<K, usize>, of: K) {
    if let Entry::Occupied(mut count) = counts.entry(of) {
        *count.get_mut() -= 1;
        if *count.get() == 0 {
            count.remove();
        }
    }
}

/// The requests that may be under way at a time. A clone is the same.
#[derive(Debug, Clone)]
pub(super) struct Turns(Arc<Mutex<State>>);

/// The right to one request. Dropped, it goes to who waits longest.
#[derive(Debug)]
pub(super) struct Permit(Option<(Turns, Who)>);

impl Turns {
    /// So many requests at a time, of which a tenant has `share` at most.
    pub(super) fn new(requests: usize, share: usize) -> Self {
        let (held, own, line) = (HashMap::new(), HashMap::new(), Line::default());
        Self(Arc::new(Mutex::new(State { free: requests, share, held, own, line })))
    }

    /// The right to one request, unless too many are under way. Where one is free, nobody waits who may have it.
    pub(super) fn take(&self, who: Who) -> Option<Permit> {
        let mut state = self.state();
        if state.free == 0 || !state.may(who) {
            return None;
        }
        state.give(who);
        Some(Permit(Some((self.clone(), who))))
    }

    /// The same, when it is this tenant's turn. Who asks waits for one at a time.
    pub(super) fn wait(&self, (tenant, destination): Who) -> oneshot::Receiver<Permit> {
        let (give, given) = oneshot::channel();
        self.state().line.push(tenant, (destination, give));
        self.hand_on();
        given
    }

    fn hand_on(&self) {
        loop {
            let mut state = self.state();
            if state.free == 0 {
                return;
            }
            let Some((who, next)) = state.next() else { return };
            state.give(who);
            drop(state);
            // Who waited may be gone; then it goes to the next one.
            if let Err(mut unwanted) = next.send(Permit(Some((self.clone(), who)))) {
                unwanted.0 = None;
                self.state().take_back(who);
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some((turns, who)) = self.0.take() {
            turns.state().take_back(who);
            turns.hand_on();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tenant(number: u64) -> TenantId {
        TenantId::new(number, 0)
    }

    fn of(number: u64, destination: u64) -> Who {
        (tenant(number), DestinationId::new(number, u128::from(destination)))
    }

    #[test]
    fn a_permit_goes_round_tenants_whoever_of_them_asks_more() {
        let turns = Turns::new(1, 1);
        let mut held = turns.take(of(1, 0));
        let greedy: Vec<_> = (0..3).map(|_| turns.wait(of(1, 0))).collect();
        let modest = turns.wait(of(2, 0));
        assert!(turns.take(of(3, 0)).is_none(), "nobody overtakes");
        let mut order = Vec::new();
        let mut waiting: Vec<(u8, oneshot::Receiver<Permit>)> =
            greedy.into_iter().map(|given| (1, given)).chain([(2, modest)]).collect();
        while !waiting.is_empty() {
            drop(held.take());
            let index = waiting.iter_mut().position(|(_, given)| {
                held = given.try_recv().ok();
                held.is_some()
            });
            order.push(waiting.remove(index.expect("somebody has it")).0);
        }
        assert_eq!(order, [1, 2, 1, 1]);
        drop(held);
        assert!(turns.take(of(1, 0)).is_some());
    }

    #[test]
    fn a_tenant_has_no_more_than_its_share_and_others_need_not_wait() {
        let turns = Turns::new(3, 2);
        let held: Vec<_> = (0..3).map(|one| turns.take(of(1, one))).collect();
        assert_eq!(held.iter().flatten().count(), 2);
        let mut own = turns.wait(of(1, 0));
        assert!(own.try_recv().is_err());
        let other = turns.take(of(2, 0));
        assert!(other.is_some(), "there is one left for others");
        drop(other);
        assert!(own.try_recv().is_err(), "that one is not for who has a share");
        drop(held);
        assert!(own.try_recv().is_ok());
    }

    #[test]
    fn slow_destinations_leave_some_of_their_tenants_share_to_another() {
        let turns = Turns::new(100, 20);
        let mut slow: Vec<_> = (0..5).cycle().take(100).filter_map(|one| turns.take(of(1, one))).collect();
        assert_eq!(slow.len(), 17, "five have three each, and some a fourth");
        let mut waiting = turns.wait(of(1, 0));
        let healthy: Vec<_> = (0..2).map_while(|_| turns.take(of(1, 9))).collect();
        assert_eq!(healthy.len(), 2);
        assert!(turns.wait(of(1, 8)).try_recv().is_ok(), "it passes one that has its part");
        assert!(waiting.try_recv().is_err());
        slow.clear();
        assert!(waiting.try_recv().is_ok(), "what it has counts when it is its turn");
    }

    #[test]
    fn a_permit_that_nobody_waits_for_any_more_is_not_lost() {
        let turns = Turns::new(1, 1);
        let held = turns.take(of(1, 0));
        drop(turns.wait(of(1, 0)));
        let mut second = turns.wait(of(1, 0));
        drop(held);
        let given = second.try_recv().expect("it is its turn");
        drop(given);
        // One that arrived, and was never taken out.
        let third = turns.wait(of(1, 0));
        drop(third);
        assert!(turns.take(of(1, 0)).is_some());
    }

    proptest! {
        /// Nobody who waits is passed twice by the same other tenant, and nobody is lost.
        #[test]
        fn a_line_goes_round(arrivals in prop::collection::vec(0_u64..5, 0..60)) {
            let mut line = Line::default();
            arrivals.iter().enumerate().for_each(|(number, who)| line.push(tenant(*who), (*who, number)));
            let mut left: Vec<(u64, usize)> = arrivals.iter().copied().enumerate().map(|(n, who)| (who, n)).collect();
            let mut given = Vec::new();
            while let Some((_, next)) = line.pop(|_, _| true) {
                given.push(next);
            }
            prop_assert!(line.turns.is_empty() && line.waiting.is_empty());
            for (place, (who, number)) in given.iter().enumerate() {
                let first_of_own = left.iter().find(|(other, _)| other == who);
                prop_assert_eq!(first_of_own, Some(&(*who, *number)), "in their own order");
                left.retain(|one| one != &(*who, *number));
                for other in left.iter().map(|(other, _)| *other) {
                    let had = |of: u64| given[..=place].iter().filter(|(who, _)| *who == of).count();
                    prop_assert!(had(*who) <= had(other) + 1, "who still waits had as many turns");
                }
            }
            prop_assert!(left.is_empty());
        }
    }
}
