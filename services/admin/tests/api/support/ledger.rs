//! Messages through the store's ledger, evaluated by the published workflows as the actors would.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use serde_json::{Value, json};
use tributary_admin::House;
use tributary_connectors::{destinations as platforms, sources};
use tributary_domain::{
    id::{CommandId, DestinationId, MessageId, OperationId, ProfileId, SourceId, TenantId},
    partition::Partition,
    test_rule::CompiledTestRules,
    workflow::{
        compile::CompiledWorkflow,
        evaluate::MessageView,
        event::{EventDraft, RunOutcome, RunPlan},
        status::{Reason, RunStatus},
    },
};
use tributary_proto::admin::v1::Source;
use tributary_store::{
    Packed, Page,
    audit::Author,
    ledger::{
        Attempt, Destinations, LedgerBatch, MessageFacts, MessagePlan, Origin, ParkReason, PlannedRun, Work,
    },
    workflow::ActiveWorkflow,
};

use super::{NOW, World};

/// The id at the end of a name.
pub(crate) fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(name: &str) -> T {
    name.rsplit('/').next().unwrap().parse().unwrap()
}

/// The tenant's id in a name.
pub(crate) fn tenant_of(name: &str) -> TenantId {
    name.split('/').nth(3).unwrap().parse().unwrap()
}

impl World {
    /// Commits the message number `number` of a source with this body.
    pub(crate) async fn commit(&self, source: &Source, number: u64, body: &Value) -> MessageId {
        self.commit_with(source, number, body, |work| work).await
    }

    /// Commits a message that could not be processed.
    pub(crate) async fn park(&self, source: &Source, number: u64, body: &Value) -> MessageId {
        let reason = ParkReason {
            code: "WORKFLOW_PANICKED",
            detail: "the evaluation panicked".to_owned(),
            workflow: None,
        };
        self.commit_with(source, number, body, |_| Work::Park(reason)).await
    }

    /// Commits a message of a tenant that is suspended.
    pub(crate) async fn hold(&self, source: &Source, number: u64, body: &Value) -> MessageId {
        self.commit_with(source, number, body, |_| Work::Hold("SUSPENDED")).await
    }

    /// Has the ledger erase a person, as the operation does that an erasure is.
    pub(crate) async fn erase(&self, profile: &str) {
        let (tenant, command) = (tenant_of(profile), CommandId::from_bits(77));
        let payload = json!({ "profile": id::<ProfileId>(profile), "operation": OperationId::from_bits(77) });
        let author = Author::new("operator", NOW);
        let scope = self.store.tenant(tenant);
        scope.enqueue_command(command, "erase_person", &payload, &author).await.unwrap();
        self.house.apply_command(tenant, command).await.unwrap();
    }

    async fn commit_with(
        &self,
        source: &Source,
        number: u64,
        body: &Value,
        work: impl FnOnce(Work) -> Work,
    ) -> MessageId {
        let (tenant, source) = (tenant_of(&source.name), id::<SourceId>(&source.name));
        let message = MessageId::new(NOW.millis() + number, u128::from(number));
        let scope = self.store.tenant(tenant);
        let door = scope.door_source(source).await.unwrap();
        let provider = sources::provider(&door.provider).unwrap();
        let facts =
            provider.facts(&provider.check_settings(&door.settings).unwrap(), &HeaderMap::new(), body);
        let record = self.store.tenants().get(tenant).await.unwrap();
        let view = MessageView {
            id: message,
            received: NOW,
            body,
            provider_event: facts.provider_event.as_deref(),
            cluid: facts.cluid.found(),
            source_name: &door.display_name,
            booking: facts.booking.as_ref(),
        };
        let destinations =
            scope.destinations(tributary_store::Show::Live, Page::first(10)).await.unwrap().items;
        let consents = destinations.iter().filter_map(|record| Some((record.id, record.consent.clone()?)));
        let known = Destinations {
            all: destinations.iter().map(|record| record.id).collect(),
            consents: consents.collect(),
            untested: destinations
                .iter()
                .filter(|record| {
                    let platform = platforms::find(&record.platform).unwrap();
                    platforms::test_settings(platform, &record.settings).is_none()
                })
                .map(|record| record.id)
                .collect(),
        };
        let destinations: Vec<DestinationId> = known.all.iter().copied().collect();
        let active = scope.active_workflows(source).await.unwrap();
        let runs: Vec<PlannedRun> =
            active.iter().map(|workflow| run(workflow, &view, &record.settings, &destinations)).collect();
        let rules = CompiledTestRules::compile(&record.settings.test_rules).unwrap();
        let headers = [("content-type".to_owned(), "application/json".to_owned())];
        let is_test = rules.holds_of_message(&view, &headers, &record.settings)
            || drafts(&runs).any(|draft| rules.holds_of_event(draft));
        let cluid_status = match facts.cluid.found() {
            Some(_) => "FOUND",
            None => "MISSING",
        };
        let plan = MessagePlan {
            tenant,
            source,
            message,
            sequence: number,
            partition: Partition::of(tenant),
            origin: Origin::Journal,
            received: NOW,
            signature: "UNSIGNED",
            trace_parent: None,
            headers: r#"[["content-type","application/json"]]"#.to_owned(),
            body: Packed::of(body.to_string().as_bytes()),
            record: Bytes::from_static(b"record"),
            facts: MessageFacts {
                provider_event: facts.provider_event.clone(),
                dedupe_key: facts.dedupe_key.clone(),
                cluid: facts.cluid.found().map(str::to_owned),
                cluid_status,
                booking: facts.booking.clone(),
            },
            config_rev: record.config_rev.cast_signed(),
            settings: Arc::new(record.settings.clone()),
            destinations: Arc::new(known),
            is_test,
            work: work(Work::Apply(runs)),
        };
        let mut state = self.house.ledger.lock().await;
        let attempt = self.store.apply(&mut state, &LedgerBatch::new(vec![plan]), NOW).await.unwrap();
        assert!(matches!(attempt, Attempt::Committed(_)), "{attempt:?}");
        message
    }
}

/// What the runs made.
fn drafts(runs: &[PlannedRun]) -> impl Iterator<Item = &Arc<EventDraft>> {
    runs.iter().flat_map(|run| match &run.plan.outcome {
        RunOutcome::Events(drafts) => drafts.as_slice(),
        RunOutcome::Stopped(..) => &[],
    })
}

fn run(
    workflow: &ActiveWorkflow,
    view: &MessageView<'_>,
    settings: &tributary_domain::tenant::TenantSettings,
    destinations: &[DestinationId],
) -> PlannedRun {
    let mut follow_up = None;
    let (version, outcome) = match &workflow.published {
        Some(published) => {
            let compiled = CompiledWorkflow::compile(&published.spec).0.unwrap();
            follow_up = compiled.follow_up();
            (published.version, compiled.evaluate(view, settings))
        }
        None => (0, RunOutcome::Stopped(RunStatus::MappingNotFound, Reason::default())),
    };
    let count = match &outcome {
        RunOutcome::Events(events) => events.len(),
        RunOutcome::Stopped(..) => 0,
    };
    PlannedRun {
        plan: RunPlan { workflow: workflow.workflow, version, outcome },
        destinations: vec![destinations.to_vec(); count],
        delay: workflow.delay,
        follow_up,
    }
}
