//! Who may send next, where more wants to be sent at a time than the house sends: requests under way are counted over all
//! destinations, and what is given back goes round the tenants, and within a tenant round its destinations. One tenant
//! never has all of them. So who waits for many slow answers takes from others no more than a share.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;
use tributary_domain::id::TenantId;

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

    /// The next one of those whose tenants may have one.
    fn pop(&mut self, may: impl Fn(TenantId) -> bool) -> Option<(TenantId, T)> {
        let place = self.turns.iter().position(|tenant| may(*tenant))?;
        let tenant = self.turns.remove(place)?;
        let of_tenant = self.waiting.get_mut(&tenant)?;
        let who = of_tenant.pop_front();
        if of_tenant.is_empty() {
            self.waiting.remove(&tenant);
        } else {
            self.turns.push_back(tenant);
        }
        who.map(|who| (tenant, who))
    }
}

#[derive(Debug)]
struct State {
    free: usize,
    /// How many a tenant may have, and has.
    share: usize,
    held: HashMap<TenantId, usize>,
    line: Line<oneshot::Sender<Permit>>,
}

impl State {
    fn may(&self, tenant: TenantId) -> bool {
        may(&self.held, self.share, tenant)
    }

    fn give(&mut self, tenant: TenantId) {
        self.free -= 1;
        *self.held.entry(tenant).or_default() += 1;
    }

    fn take_back(&mut self, tenant: TenantId) {
        self.free += 1;
        if let Some(held) = self.held.get_mut(&tenant) {
            *held -= 1;
            if *held == 0 {
                self.held.remove(&tenant);
            }
        }
    }
}

fn may(held: &HashMap<TenantId, usize>, share: usize, tenant: TenantId) -> bool {
    held.get(&tenant).is_none_or(|held| *held < share)
}

/// The requests that may be under way at a time. A clone is the same.
#[derive(Debug, Clone)]
pub(super) struct Turns(Arc<Mutex<State>>);

/// The right to one request. Dropped, it goes to who waits longest.
#[derive(Debug)]
pub(super) struct Permit(Option<(Turns, TenantId)>);

impl Turns {
    /// So many requests at a time, of which a tenant has `share` at most.
    pub(super) fn new(requests: usize, share: usize) -> Self {
        let line = Line { turns: VecDeque::new(), waiting: HashMap::new() };
        Self(Arc::new(Mutex::new(State { free: requests, share, held: HashMap::new(), line })))
    }

    /// The right to one request, unless too many are under way. Where one is free, nobody waits who may have it.
    pub(super) fn take(&self, tenant: TenantId) -> Option<Permit> {
        let mut state = self.state();
        if state.free == 0 || !state.may(tenant) {
            return None;
        }
        state.give(tenant);
        Some(Permit(Some((self.clone(), tenant))))
    }

    /// The same, when it is this tenant's turn. Who asks waits for one at a time.
    pub(super) fn wait(&self, tenant: TenantId) -> oneshot::Receiver<Permit> {
        let (give, given) = oneshot::channel();
        self.state().line.push(tenant, give);
        self.hand_on();
        given
    }

    fn hand_on(&self) {
        loop {
            let mut state = self.state();
            if state.free == 0 {
                return;
            }
            let State { held, share, line, .. } = &mut *state;
            let Some((tenant, next)) = line.pop(|tenant| may(held, *share, tenant)) else {
                return;
            };
            state.give(tenant);
            drop(state);
            // Who waited may be gone; then it goes to the next one.
            if let Err(mut unwanted) = next.send(Permit(Some((self.clone(), tenant)))) {
                unwanted.0 = None;
                self.state().take_back(tenant);
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some((turns, tenant)) = self.0.take() {
            turns.state().take_back(tenant);
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

    #[test]
    fn a_permit_goes_round_tenants_whoever_of_them_asks_more() {
        let turns = Turns::new(1, 1);
        let mut held = turns.take(tenant(1));
        let greedy: Vec<_> = (0..3).map(|_| turns.wait(tenant(1))).collect();
        let modest = turns.wait(tenant(2));
        assert!(turns.take(tenant(3)).is_none(), "nobody overtakes");
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
        assert!(turns.take(tenant(1)).is_some());
    }

    #[test]
    fn a_tenant_has_no_more_than_its_share_and_others_need_not_wait() {
        let turns = Turns::new(3, 2);
        let held: Vec<_> = (0..3).map(|_| turns.take(tenant(1))).collect();
        assert_eq!(held.iter().flatten().count(), 2);
        let mut own = turns.wait(tenant(1));
        assert!(own.try_recv().is_err());
        let other = turns.take(tenant(2));
        assert!(other.is_some(), "there is one left for others");
        drop(other);
        assert!(own.try_recv().is_err(), "that one is not for who has a share");
        drop(held);
        assert!(own.try_recv().is_ok());
    }

    #[test]
    fn a_permit_that_nobody_waits_for_any_more_is_not_lost() {
        let turns = Turns::new(1, 1);
        let held = turns.take(tenant(1));
        drop(turns.wait(tenant(1)));
        let mut second = turns.wait(tenant(1));
        drop(held);
        let given = second.try_recv().expect("it is its turn");
        drop(given);
        // One that arrived, and was never taken out.
        let third = turns.wait(tenant(1));
        drop(third);
        assert!(turns.take(tenant(1)).is_some());
    }

    proptest! {
        /// Nobody who waits is passed twice by the same other tenant, and nobody is lost.
        #[test]
        fn a_line_goes_round(arrivals in prop::collection::vec(0_u64..5, 0..60)) {
            let mut line = Line { turns: VecDeque::new(), waiting: HashMap::new() };
            arrivals.iter().enumerate().for_each(|(number, who)| line.push(tenant(*who), (*who, number)));
            let mut left: Vec<(u64, usize)> = arrivals.iter().copied().enumerate().map(|(n, who)| (who, n)).collect();
            let mut given = Vec::new();
            while let Some((_, next)) = line.pop(|_| true) {
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
