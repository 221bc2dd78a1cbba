//! Backtests: messages that were processed are planned again with another workflow, and what would come of that is compared
//! with what came of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
};

use tributary_domain::{
    backtest::{Report, Stand},
    id::{DeliveryId, DestinationId, EventId, MessageId, TenantId},
    workflow::{compile::CompiledWorkflow, status::RunStatus},
};
use tributary_store::{
    StoreError,
    ledger::{Fate, MessagePlan, Rehearsed},
    message::{MessageRecord, MessageSummary},
    operation::Backtest,
};

use crate::{
    config::Configuration,
    rehearsal::{Arrival, rehearsed},
};

/// A backtest under way: its messages are planned, rehearsed by the store, and compared, some at a time and oldest first.
#[derive(Debug)]
pub struct Comparison<'a> {
    tenant: TenantId,
    backtest: &'a Backtest,
    configuration: Configuration,
    destinations: Vec<DestinationId>,
    report: Report,
    after: Option<MessageId>,
    done: u64,
    /// What was planned and is not yet compared.
    under_way: UnderWay,
}

#[derive(Debug, Default)]
struct UnderWay {
    messages: Vec<MessageSummary>,
    looked_at: u64,
    last: Option<MessageId>,
    without_body: u64,
    waiting: u64,
}

impl<'a> Comparison<'a> {
    /// The comparison of a tenant's messages, by a configuration that counts to its end.
    ///
    /// # Errors
    /// When the workflow does not compile: a newer build wrote it.
    pub fn new(
        tenant: TenantId,
        backtest: &'a Backtest,
        configuration: Configuration,
    ) -> Result<Self, StoreError> {
        let compiled = CompiledWorkflow::compile(&backtest.spec).0;
        let compiled = compiled.ok_or(StoreError::Corrupt { what: "operations.work" })?;
        Ok(Self {
            tenant,
            backtest,
            destinations: configuration.tenant.routes.iter().map(|route| route.destination).collect(),
            configuration: configuration.with(backtest.workflow, 0, compiled),
            report: Report::default(),
            after: None,
            done: 0,
            under_way: UnderWay::default(),
        })
    }

    /// The last message that was compared.
    pub fn after(&self) -> Option<MessageId> {
        self.after
    }

    /// How many messages were looked at.
    pub fn done(&self) -> u64 {
        self.done
    }

    /// What was found so far.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// Plans the messages that follow. Where they were not compared, they are planned anew.
    pub fn plan(&mut self, records: Vec<MessageRecord>) -> Vec<MessagePlan> {
        let mut under_way = UnderWay {
            looked_at: records.len() as u64,
            last: records.last().map(|record| record.summary.id),
            ..UnderWay::default()
        };
        let mut plans = Vec::with_capacity(records.len());
        let run = self.backtest.filter.run;
        for record in records {
            if !run.is_any() && !run.is_in(&record.summary.runs) {
                continue;
            }
            if record.body_removed {
                under_way.without_body += 1;
            } else if record.summary.fate == Fate::Held {
                under_way.waiting += 1;
            } else {
                plans.push(self.planned(&record));
                under_way.messages.push(record.summary);
            }
        }
        self.under_way = under_way;
        plans
    }

    fn planned(&self, record: &MessageRecord) -> MessagePlan {
        let summary = &record.summary;
        let arrival = Arrival {
            tenant: self.tenant,
            source: summary.source,
            message: summary.id,
            sequence: summary.seq,
            received: summary.received_at,
            is_again: true,
        };
        rehearsed(&self.configuration, arrival, &record.headers, &record.body)
    }

    /// Compares what was planned last, by what came of it in the rehearsal; `is_full`: the rehearsal has too much to carry.
    pub fn compare(&mut self, rehearsed: &[Rehearsed], is_full: bool) {
        let UnderWay { messages, looked_at, last, without_body, waiting } = mem::take(&mut self.under_way);
        for (summary, rehearsed) in messages.iter().zip(rehearsed) {
            compare(&mut self.report, self.backtest, &self.destinations, summary, rehearsed);
        }
        self.report.without_body += without_body;
        self.report.waiting += waiting;
        if is_full && self.report.followed.is_none() {
            self.report.followed = Some(self.report.messages);
        }
        self.done += looked_at;
        self.after = last.or(self.after);
    }
}

/// Compares what happened with a message with what would, as far as the workflow has to do with it. Deliveries to other
/// destinations than `destinations` do not count.
fn compare(
    report: &mut Report,
    backtest: &Backtest,
    destinations: &[DestinationId],
    summary: &MessageSummary,
    rehearsed: &Rehearsed,
) {
    let workflow = backtest.workflow;
    let run_before = rehearsed.runs_before.iter().find(|run| run.workflow == workflow);
    let then_status = match summary.fate {
        Fate::Applied => run_before.map(|run| run.status),
        fate => Some(fate.status()),
    };
    // A run that makes an event no more leaves it as it was made.
    let was_made = run_before.is_some_and(|run| run.status == RunStatus::Succeeded);
    let stored = rehearsed
        .events_before
        .iter()
        .filter(|event| EventId::derive(summary.id, workflow, event.data.draft.index) == event.id)
        .map(|event| (event.id, (event.profile, &event.data)));
    let (events, earlier) =
        if was_made { (stored.collect(), BTreeMap::new()) } else { (BTreeMap::new(), stored.collect()) };
    let status = match rehearsed.status {
        RunStatus::Succeeded => {
            rehearsed.runs.iter().find(|run| run.workflow == workflow).map(|run| run.status)
        }
        status => Some(status),
    };
    // What follows from what was heard of a booking is no event of a run.
    let made = rehearsed
        .events
        .iter()
        .filter(|event| EventId::derive(summary.id, workflow, event.data.draft.index) == event.id);
    let deliveries = made.clone().flat_map(|event| {
        let destinations = rehearsed.destinations(event.id).iter();
        destinations.map(|destination| (DeliveryId::derive(event.id, *destination, 0), *destination))
    });
    let now = Stand {
        name: backtest.spec.constant_name(),
        status,
        deliveries: deliveries.collect(),
        events: made.map(|event| (event.id, (event.profile, &event.data))).collect(),
        earlier: BTreeMap::new(),
    };
    let ids: BTreeSet<EventId> = events.keys().chain(now.events.keys()).copied().collect();
    let possible = ids.iter().flat_map(|event| {
        destinations.iter().map(|destination| (DeliveryId::derive(*event, *destination, 0), *destination))
    });
    let deliveries =
        possible.filter(|(delivery, _)| rehearsed.deliveries_before.contains(delivery)).collect();
    let then = Stand { name: None, status: then_status, events, earlier, deliveries };
    report.compare(summary.id, &then, &now);
}
