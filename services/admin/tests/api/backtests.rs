//! Backtests: how one is asked for, and how its report is read. That it says what publishing does is tested where messages
//! are planned, and where the house runs.

use std::{collections::BTreeMap, sync::atomic::Ordering};

use tonic::{Code, Status};
use tributary_domain::{
    backtest::{Difference, Example, Report},
    id::MessageId,
};
use tributary_proto::admin::v1::{
    BacktestWorkflowRequest, CancelOperationRequest, GetOperationRequest, ListBacktestExamplesRequest,
    ListOperationsRequest, Operation, ReplayMessagesRequest, Tenant, UpdateWorkflowRequest, Workflow,
    WorkflowSpec,
    operation::{Request, State},
};
use tributary_store::operation::Choice;

use crate::{
    support::{NOW, World, fields, id, mask, reason, tenant_of},
    workflows,
};

struct Scene {
    world: World,
    tenant: Tenant,
    workflow: Workflow,
}

impl Scene {
    async fn new() -> Self {
        let world = World::start().await;
        let tenant = world.tenant("acme").await;
        let source = world.source(&tenant, "calendly").await.source.unwrap();
        let workflow = workflows::create(&world, &source, "booking").await;
        Self { world, tenant, workflow }
    }

    fn asks(&self) -> BacktestWorkflowRequest {
        BacktestWorkflowRequest {
            name: self.workflow.name.clone(),
            start_time: Some(at(NOW.seconds() - 100)),
            ..BacktestWorkflowRequest::default()
        }
    }

    async fn begin(&self, request: BacktestWorkflowRequest) -> Result<Operation, Status> {
        self.world.workflows().backtest_workflow(request).await.map(tonic::Response::into_inner)
    }

    async fn get(&self, operation: &Operation) -> Operation {
        let request = GetOperationRequest { name: operation.name.clone() };
        self.world.operations().get_operation(request).await.unwrap().into_inner()
    }

    /// Ends it as the house does.
    async fn end(&self, operation: &Operation, report: &Report) {
        let scope = self.world.store.tenant(tenant_of(&operation.name));
        let own = id(&operation.name);
        assert!(scope.begin_backtest(own, report.messages, NOW).await.unwrap());
        assert!(scope.backtest_progress(own, 1, NOW).await.unwrap());
        scope.end_backtest(own, report, report.messages, NOW).await.unwrap();
    }
}

fn at(seconds: i64) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds, nanos: 0 }
}

fn report() -> Report {
    let example = |number: u64| Example {
        difference: Difference::Status,
        message: MessageId::new(number, 1),
        event: None,
        text: format!("example {number}"),
    };
    Report {
        messages: 7,
        same: 4,
        without_body: 2,
        statuses: BTreeMap::from([("FAILED".to_owned(), BTreeMap::from([("SUCCEEDED".to_owned(), 3)]))]),
        fields: BTreeMap::from([("user_traits.a".to_owned(), 1), ("user_traits.b".to_owned(), 2)]),
        examples: (1..=3).map(example).collect(),
        ..Report::default()
    }
}

#[tokio::test]
async fn a_backtest_is_an_operation_that_has_a_report_when_it_has_succeeded() {
    let scene = Scene::new().await;
    let begun = scene.begin(scene.asks()).await.unwrap();
    assert_eq!(begun.state(), State::Running);
    assert!(
        matches!(&begun.request, Some(Request::BacktestWorkflow(asked)) if asked.name == scene.workflow.name)
    );
    assert_eq!(scene.world.house.operations.load(Ordering::Relaxed), 1, "the house is told");
    assert!(scene.get(&begun).await.backtest_report.is_none(), "there is nothing to tell yet");
    scene.end(&begun, &report()).await;

    let done = scene.get(&begun).await;
    assert_eq!((done.state(), done.total_count, done.done_count), (State::Succeeded, 7, 7));
    let told = done.backtest_report.unwrap();
    assert_eq!((told.message_count, told.same_message_count, told.body_removed_count), (7, 4, 2));
    assert!(!told.same);
    assert_eq!((told.statuses[0].before.as_str(), told.statuses[0].count), ("FAILED", 3));
    assert_eq!(told.fields[0].field, "user_traits.b", "the most frequent first");
    assert_eq!(told.example_count, 3);

    let (mut seen, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListBacktestExamplesRequest { parent: begun.name.clone(), page_size: 2, page_token };
        let page = scene.world.operations().list_backtest_examples(request).await.unwrap().into_inner();
        seen.extend(page.examples.into_iter().map(|example| example.text));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(seen, ["example 1", "example 2", "example 3"]);
    let request = ListOperationsRequest {
        parent: scene.tenant.name.clone(),
        filter: "kind = BACKTEST_WORKFLOW".to_owned(),
        ..ListOperationsRequest::default()
    };
    let listed = scene.world.operations().list_operations(request).await.unwrap().into_inner().operations;
    assert_eq!(listed.len(), 1);
    assert!(listed[0].backtest_report.is_none(), "a list has no reports");
}

#[tokio::test]
async fn the_draft_is_kept_as_it_was_and_the_same_request_is_done_once() {
    let scene = Scene::new().await;
    let asks = BacktestWorkflowRequest { request_id: "once".to_owned(), ..scene.asks() };
    let begun = scene.begin(asks.clone()).await.unwrap();
    let draft = WorkflowSpec { user_traits: Vec::new(), ..scene.workflow.draft.clone().unwrap() };
    let workflow = Workflow { draft: Some(draft), ..scene.workflow.clone() };
    let request = UpdateWorkflowRequest { workflow: Some(workflow), update_mask: mask(&["draft"]) };
    scene.world.workflows().update_workflow(request).await.unwrap();
    assert_eq!(scene.begin(asks).await.unwrap().name, begun.name);
    let asks = BacktestWorkflowRequest { etag: scene.workflow.etag.clone(), ..scene.asks() };
    let refused = scene.begin(asks).await.unwrap_err();
    assert_eq!(reason(&refused), "ETAG_MISMATCH", "another draft than the one that was read");
    let scope = scene.world.store.tenant(tenant_of(&begun.name));
    let record = scope.operation(id(&begun.name)).await.unwrap();
    let Choice::Backtest(kept) = record.choice else { panic!("{:?}", record.choice) };
    assert!(!kept.spec.user_traits.is_empty());
    assert_eq!(kept.filter.search.from, Some(MessageId::new((NOW.seconds() as u64 - 100) * 1_000, 0)));
}

#[tokio::test]
async fn one_that_was_stopped_has_no_report() {
    let scene = Scene::new().await;
    let begun = scene.begin(scene.asks()).await.unwrap();
    let request = CancelOperationRequest { name: begun.name.clone(), etag: String::new() };
    scene.world.operations().cancel_operation(request).await.unwrap();
    let scope = scene.world.store.tenant(tenant_of(&begun.name));
    assert!(!scope.backtest_progress(id(&begun.name), 1, NOW).await.unwrap(), "it is told to stop");
    scope.end_backtest(id(&begun.name), &report(), 7, NOW).await.unwrap();
    let found = scene.get(&begun).await;
    assert_eq!(found.state(), State::Cancelled);
    assert!(found.backtest_report.is_none());
    let request = ListBacktestExamplesRequest { parent: begun.name.clone(), ..Default::default() };
    let page = scene.world.operations().list_backtest_examples(request).await.unwrap().into_inner();
    assert!(page.examples.is_empty());
}

#[tokio::test]
async fn what_cannot_be_compared_is_refused() {
    let scene = Scene::new().await;
    let refused = async |change: &dyn Fn(&mut BacktestWorkflowRequest)| {
        let mut request = scene.asks();
        change(&mut request);
        scene.begin(request).await.unwrap_err()
    };
    assert_eq!(fields(&refused(&|request| request.start_time = None).await), ["start_time"]);
    let early = Some(at(NOW.seconds() - 200));
    assert_eq!(fields(&refused(&|request| request.end_time = early).await), ["end_time"]);
    let wrong = prost_types::Timestamp { seconds: 0, nanos: -1 };
    assert_eq!(fields(&refused(&|request| request.start_time = Some(wrong)).await), ["start_time"]);
    for filter in ["body : \"x\"", "run_status = NOTHING", "time >= 2020-01-01T00:00:00Z", "status"] {
        let error = refused(&|request| filter.clone_into(&mut request.filter)).await;
        assert_eq!(fields(&error), ["filter"], "{filter}");
    }
    let workflow = Workflow { draft: Some(WorkflowSpec::default()), ..scene.workflow.clone() };
    let request = UpdateWorkflowRequest { workflow: Some(workflow), update_mask: mask(&["draft"]) };
    scene.world.workflows().update_workflow(request).await.unwrap();
    assert_eq!(reason(&refused(&|_| {}).await), "DRAFT_HAS_PROBLEMS");
    // Another operation has no examples.
    let request = ReplayMessagesRequest {
        parent: scene.tenant.name.clone(),
        messages: vec![MessageId::new(1, 1).to_string()],
        ..ReplayMessagesRequest::default()
    };
    let replay = scene.world.logs().replay_messages(request).await.unwrap().into_inner();
    let request = ListBacktestExamplesRequest { parent: replay.name, ..Default::default() };
    let error = scene.world.operations().list_backtest_examples(request).await.unwrap_err();
    assert_eq!((error.code(), reason(&error).as_str()), (Code::FailedPrecondition, "STATE_FORBIDS"));
}
