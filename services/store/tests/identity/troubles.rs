//! What comes in the way of a ledger and has to change nothing: it is killed, and messages are processed again.

use std::collections::BTreeMap;

use bytes::Bytes;
use tributary_domain::{
    id::{MessageId, OperationId, TenantId},
    time::Timestamp,
};
use tributary_store::{
    Page,
    ledger::{Again as Wanted, HoldAgain, MessagePlan, Origin},
    operation::{Choice, NewOperation, OperationState},
};

use crate::{ledger::Ledger, rng::Rng, support::author};

const NOW: Timestamp = Timestamp::from_seconds(2);

/// Which messages are processed again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Again {
    /// The last of its tenant, so that nothing happened since.
    AtOnce,
    /// Any since the last command.
    Later,
}

/// What comes in the way of one history.
pub(crate) struct Troubles {
    rng: Rng,
    again: Again,
    /// What was processed since the last command.
    since: Vec<MessagePlan>,
    operations: u64,
    /// How often it was killed, and how many messages were processed again.
    pub(crate) met: (usize, usize),
}

impl Troubles {
    pub(crate) fn new(again: Again) -> Self {
        Self { rng: Rng::new(0), again, since: Vec::new(), operations: 0, met: (0, 0) }
    }

    /// Those of the history of this seed.
    pub(crate) fn of(self, seed: u64) -> Self {
        Self { rng: Rng::new(seed ^ 17), since: Vec::new(), ..self }
    }

    /// What was processed so far is not processed again.
    pub(crate) fn forget(&mut self) {
        self.since.clear();
    }

    /// What happens after these were applied.
    pub(crate) async fn after(&mut self, ledger: &mut Ledger, plans: Vec<MessagePlan>) {
        match self.again {
            Again::AtOnce => self.since = plans,
            Again::Later => self.since.extend(plans),
        }
        self.perhaps_killed(ledger, 6).await;
        if self.below(3) > 0 {
            return;
        }
        let mut chosen: BTreeMap<TenantId, Vec<MessagePlan>> = BTreeMap::new();
        for plan in self.since.clone() {
            let others = chosen.entry(plan.tenant).or_default();
            let is_chosen = self.rng.below(2) == 0;
            match self.again {
                Again::AtOnce => *others = vec![plan],
                Again::Later if is_chosen => {
                    others.retain(|other| other.message != plan.message);
                    others.push(plan);
                }
                Again::Later => {}
            }
        }
        for (tenant, plans) in chosen.into_iter().filter(|(_, plans)| !plans.is_empty()) {
            self.replay(ledger, tenant, plans).await;
        }
    }

    fn below(&mut self, end: usize) -> usize {
        self.rng.below(end)
    }

    async fn perhaps_killed(&mut self, ledger: &mut Ledger, rarely: usize) {
        if self.below(rarely) == 0 {
            ledger.reopen().await;
            self.met.0 += 1;
        }
    }

    /// Has messages of a tenant processed again, through its held lane.
    async fn replay(&mut self, ledger: &mut Ledger, tenant: TenantId, plans: Vec<MessagePlan>) {
        self.operations += 1;
        let operation = OperationId::new(self.operations, 1);
        let only: Vec<MessageId> = plans.iter().map(|plan| plan.message).collect();
        let choice = Choice::Messages { only, filters: Vec::new() };
        let new = NewOperation { id: operation, request: vec![1], choice };
        let mut begun = ledger.store.tenant(tenant).create_operation(&new, &author(2)).await.unwrap();
        while begun.place.is_some() {
            ledger.store.tenant(tenant).choose_items(&begun, NOW).await.unwrap();
            begun = ledger.store.tenant(tenant).operation(operation).await.unwrap();
        }
        let messages = plans.iter().map(|plan| Wanted {
            message: plan.message,
            source: plan.source,
            sequence: plan.sequence,
            record: Bytes::from_static(b"record"),
        });
        let again = HoldAgain { tenant, operation, messages: messages.collect() };
        ledger.store.hold_again(&mut ledger.state, &again, NOW).await.unwrap();
        self.perhaps_killed(ledger, 4).await;
        let held = ledger.store.tenant(tenant).held_messages(Page::first(500)).await.unwrap().items;
        let positions: BTreeMap<_, _> = held.into_iter().map(|held| (held.message, held.position)).collect();
        let mut plans: Vec<MessagePlan> = plans
            .into_iter()
            .map(|plan| MessagePlan { origin: Origin::Held(positions[&plan.message].cast_signed()), ..plan })
            .collect();
        self.met.1 += plans.len();
        while !plans.is_empty() {
            let size = 1 + self.below(plans.len());
            let applied = ledger.apply(plans.drain(..size).collect()).await;
            assert_eq!(applied.quarantined, [], "nothing meets anybody for the first time");
            self.perhaps_killed(ledger, 6).await;
        }
        let scope = ledger.store.tenant(tenant);
        let settled = scope.settle_replay(operation, NOW).await.unwrap();
        assert_eq!(settled.waiting, 0, "all were processed");
        scope.end_operation(operation, OperationState::Succeeded, None, NOW).await.unwrap();
    }
}
