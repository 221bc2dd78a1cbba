//! Plans for a rehearsal: what would be done with a message that nothing is done with.

use std::sync::Arc;

use bytes::Bytes;
use tributary_domain::{
    id::{MessageId, SourceId, TenantId, WorkflowId},
    partition::Partition,
    time::Timestamp,
    workflow::compile::CompiledWorkflow,
};
use tributary_store::{
    Packed,
    ledger::{MessagePlan, Origin, Work},
};

use crate::{
    config::{Configuration, SourceConfig, WorkflowConfig},
    message::{Parsed, facts},
    run::{caught, is_test, run, work},
};

/// A message as it comes to a rehearsal.
#[derive(Debug, Clone, Copy)]
pub struct Arrival {
    /// Whose it is.
    pub tenant: TenantId,
    /// Where it came in.
    pub source: SourceId,
    /// Its id.
    pub message: MessageId,
    /// Its place in the order of acceptance.
    pub sequence: u64,
    /// When it was accepted.
    pub received: Timestamp,
    /// Whether it was processed before, so that it would be processed again.
    pub is_again: bool,
}

impl Configuration {
    /// The same with `compiled` in force for `workflow`, as its `version`.
    #[must_use]
    pub fn with(self, workflow: WorkflowId, version: u32, compiled: CompiledWorkflow) -> Self {
        let Some(source) = &self.source else { return self };
        let mut compiled = Some(compiled);
        let workflows = source.workflows.iter().map(|own| {
            if own.id != workflow {
                return Arc::clone(own);
            }
            Arc::new(WorkflowConfig { id: workflow, version, compiled: compiled.take(), delay: own.delay })
        });
        let source = SourceConfig {
            display_name: source.display_name.clone(),
            provider: source.provider,
            settings: source.settings.clone(),
            workflows: workflows.collect(),
        };
        Self { source: Some(Arc::new(source)), ..self }
    }
}

/// What would be done with a message: all of its source's workflows run over it, in their order. Nothing in the plan could
/// be written: it has neither body nor record. That messages of the tenant are held now does not count.
pub fn rehearsed(
    configuration: &Configuration,
    arrival: Arrival,
    headers: &[(String, String)],
    body: &[u8],
) -> MessagePlan {
    let tenant = &configuration.tenant;
    let parsed = configuration
        .source
        .as_deref()
        .map(|source| (source, Parsed::read(source, (arrival.message, arrival.received), headers, body)));
    let (found, work, is_test) = match parsed {
        None => (None, Work::Apply(Vec::new()), false),
        Some((_, Err(reason))) => (None, Work::Park(reason), false),
        Some((source, Ok(parsed))) => {
            let runs = source
                .workflows
                .iter()
                .map(|workflow| Some(caught(workflow, || run(tenant, source, workflow, &parsed))));
            let work = work(runs);
            let is_test = is_test(tenant, source, &parsed, headers, &work);
            (Some(parsed.facts), work, is_test)
        }
    };
    MessagePlan {
        tenant: arrival.tenant,
        source: arrival.source,
        message: arrival.message,
        sequence: arrival.sequence,
        partition: Partition::of(arrival.tenant),
        // No message waits at this place.
        origin: if arrival.is_again { Origin::Held(-1) } else { Origin::Journal },
        received: arrival.received,
        signature: "UNSIGNED",
        trace_parent: None,
        headers: String::new(),
        body: Packed::of(&[]),
        record: Bytes::new(),
        facts: facts(found),
        config_rev: tenant.rev,
        settings: Arc::clone(&tenant.settings),
        destinations: Arc::clone(&tenant.destinations),
        is_test,
        work,
    }
}
