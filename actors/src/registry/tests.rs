//! What becomes of messages that cannot be evaluated, and of those beside them.

use std::{
    collections::{BTreeMap, HashSet},
    time::Duration,
};

use bytes::Bytes;
use serde_json::json;
use tributary_domain::{
    id::{DestinationId, MessageId, WorkflowId},
    partition::Partition,
    time::Timestamp,
    workflow::spec::WorkflowSpec,
};
use tributary_journal::Accepted;
use tributary_store::{
    Sealer, StoreOptions,
    destination::{DestinationChange, NewDestination},
    ledger::{Origin, Work},
    source::{NewSource, UrlSecret},
    workflow::NewWorkflow,
};

use super::*;
use crate::testing::{author, make_tenant};

/// A destination with a filter that this build cannot compile.
fn newer_destination() -> NewDestination {
    let node = json!({ "id": "f", "condition": { "left": { "constant": 1 }, "op": "in" } });
    NewDestination {
        id: DestinationId::new(1, 1),
        key: "destination".to_owned(),
        display_name: "Destination".to_owned(),
        platform: "webhook".to_owned(),
        settings: json!({}),
        secrets: BTreeMap::new(),
        filter: Some(serde_json::from_value(json!({ "nodes": [node] })).expect("a filter")),
        consent: None,
        event_names: BTreeMap::new(),
    }
}

fn custom_source() -> NewSource {
    NewSource {
        id: SourceId::new(1, 1),
        key: "source".to_owned(),
        display_name: "Source".to_owned(),
        provider: "custom".to_owned(),
        settings: json!({}),
        signing_keys: Vec::new(),
        body_limit: 1 << 20,
        secret: UrlSecret::of("the secret of the url"),
    }
}

fn draft_workflow() -> NewWorkflow {
    NewWorkflow {
        id: WorkflowId::new(1, 1),
        source: SourceId::new(1, 1),
        key: "workflow".to_owned(),
        display_name: "Workflow".to_owned(),
        sort_order: 0,
        delay: Duration::ZERO,
        draft: WorkflowSpec::default(),
        sample_message: None,
    }
}

fn task(sequence: u64, tenant: TenantId) -> Task {
    task_with(sequence, tenant, "{}")
}

fn task_with(sequence: u64, tenant: TenantId, body: &'static str) -> Task {
    let accepted = Accepted {
        tenant,
        source: SourceId::new(1, 1),
        message: MessageId::new(sequence, 0),
        received: Timestamp::from_seconds(1),
        signature_valid: true,
        trace_parent: None,
        headers: Vec::new(),
        body: Bytes::from_static(body.as_bytes()),
    };
    Task {
        origin: Origin::Journal,
        sequence,
        partition: Partition::of(tenant),
        record: accepted.to_bytes(),
        accepted: Arc::new(accepted),
    }
}

/// What each plan is: its sequence, its revision and the reason why it is parked.
fn parked(plans: Result<Vec<MessagePlan>, StoreError>) -> Vec<(u64, i64, &'static str)> {
    let plans = plans.expect("nothing of one tenant stops the others");
    let reason = |plan: &MessagePlan| match &plan.work {
        Work::Park(reason) => reason.code,
        _ => "not parked",
    };
    plans.iter().map(|plan| (plan.sequence, plan.config_rev, reason(plan))).collect()
}

/// Runs `test` with a registry in which `faults` are planted, on a database of its own.
fn with_registry(faults: Faults, test: impl AsyncFnOnce(&Store, &Registry)) {
    let runtime: &'static tokio::runtime::Runtime =
        Box::leak(Box::new(tokio::runtime::Runtime::new().expect("a runtime")));
    actix::System::with_tokio_rt(move || runtime).block_on(async {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let url = format!("sqlite://{}/store.db", folder.path().display());
        let store = Store::open(&url, StoreOptions::new(Sealer::new([7; 32]))).await.expect("opens");
        store.migrate().await.expect("migrates");
        let arbiters = Arc::new(Arbiters::start(runtime, 1, || (), || ()));
        let registry = Registry::new(store.clone(), Arc::clone(&arbiters), Metrics::unread(), faults);
        test(&store, &registry).await;
        arbiters.stop();
        store.close().await.expect("closes");
    });
}

#[test]
fn a_configuration_that_cannot_be_read_parks_the_messages_of_its_tenant_alone() {
    with_registry(Faults::default(), async |store, registry| {
        let [well, newer, missing] = [1, 2, 3].map(|number| TenantId::new(1, number));
        make_tenant(store, well).await;
        make_tenant(store, newer).await;
        let destination = newer_destination();
        store.tenant(newer).create_destination(&destination, &author()).await.expect("makes");

        let tasks = || vec![task(1, newer), task(2, well), task(3, missing), task(4, newer)];
        assert_eq!(
            parked(registry.evaluate(tasks()).await),
            [
                (1, 2, "CONFIG_UNREADABLE"),
                (2, 1, "SOURCE_UNKNOWN"),
                (3, 0, "CONFIG_UNREADABLE"),
                (4, 2, "CONFIG_UNREADABLE")
            ]
        );
        let reason = ParkReason { code: "PROCESS_ENDED", detail: String::new(), workflow: None };
        let unseen = parked(registry.park_all(tasks(), &reason).await);
        assert_eq!(
            unseen.iter().map(|plan| (plan.1, plan.2)).collect::<Vec<_>>(),
            [(2, "PROCESS_ENDED"), (1, "PROCESS_ENDED"), (0, "PROCESS_ENDED"), (2, "PROCESS_ENDED")]
        );
        let held = store.still_held(&HashSet::from([missing]), author().at).await;
        assert_eq!(held, Ok(HashSet::new()), "its held messages are parked");

        let change = DestinationChange { filter: Some(None), ..DestinationChange::default() };
        let mended = store.tenant(newer).update_destination(destination.id, 1, &change, &author()).await;
        mended.expect("changes");
        assert_eq!(parked(registry.evaluate(vec![task(5, newer)]).await), [(5, 3, "SOURCE_UNKNOWN")]);
    });
}

#[test]
fn messages_that_cannot_be_evaluated_are_parked_wherever_they_stand_in_a_batch() {
    let faults = Faults { workflow_panic: Some("here".to_owned()), ..Faults::default() };
    with_registry(faults, async |store, registry| {
        let tenant = TenantId::new(1, 1);
        make_tenant(store, tenant).await;
        let scope = store.tenant(tenant);
        scope.create_source(&custom_source(), &author()).await.expect("makes");
        scope.create_workflow(&draft_workflow(), &author()).await.expect("makes");
        let body = |sequence: u64| match sequence % 7 {
            3 => "not json",
            5 => r#"{"fault":"here"}"#,
            _ => "{}",
        };
        let tasks = (1..=100).map(|sequence| task_with(sequence, tenant, body(sequence))).collect();
        let plans = parked(registry.evaluate(tasks).await);
        let expected = (1..=100).map(|sequence| match body(sequence) {
            "not json" => (sequence, "BODY_UNREADABLE"),
            "{}" => (sequence, "not parked"),
            _ => (sequence, "WORKFLOW_PANICKED"),
        });
        let found: Vec<_> = plans.iter().map(|(sequence, _, code)| (*sequence, *code)).collect();
        assert_eq!(found, expected.collect::<Vec<_>>());
    });
}

#[test]
fn what_a_deleted_source_accepted_runs_and_what_a_deleted_tenant_accepted_waits() {
    with_registry(Faults::default(), async |store, registry| {
        let tenant = TenantId::new(1, 1);
        make_tenant(store, tenant).await;
        let scope = store.tenant(tenant);
        scope.create_source(&custom_source(), &author()).await.expect("makes");
        scope.create_workflow(&draft_workflow(), &author()).await.expect("makes");
        scope.delete_source(custom_source().id, 1, &author()).await.expect("deletes");
        let work = async |sequence| {
            let mut plans = registry.evaluate(vec![task(sequence, tenant)]).await.expect("evaluates");
            plans.remove(0).work
        };
        let Work::Apply(runs) = work(1).await else { panic!("it is processed") };
        assert_eq!(runs.len(), 1, "by the workflow that was deleted with the source");

        let revision = store.tenants().get(tenant).await.expect("is there").revision;
        store.tenants().delete(tenant, revision, &author()).await.expect("deletes");
        registry.refresh(tenant);
        assert!(matches!(work(2).await, Work::Hold("TENANT_DELETED")));
        let tenants = HashSet::from([tenant]);
        assert_eq!(store.still_held(&tenants, author().at).await, Ok(tenants.clone()));
        store.tenants().undelete(tenant, None, &author()).await.expect("comes back");
        registry.refresh(tenant);
        assert!(matches!(work(3).await, Work::Apply(_)));
        assert_eq!(store.still_held(&tenants, author().at).await, Ok(HashSet::new()));
    });
}
