//! Replays, and the operations that do them.

use std::sync::atomic::Ordering;

use tonic::Status;
use tributary_domain::id::MessageId;
use tributary_proto::admin::v1::{
    AgencyRole, CancelOperationRequest, DeleteMemberRequest, GetMessageTraceRequest, GetOperationRequest,
    ListOperationsRequest, Operation, ReplayDeliveriesRequest, ReplayMessagesRequest, Source, Tenant,
    TenantRole, WatchOperationRequest, Workflow,
    operation::{Request, State},
    operation_service_client::OperationServiceClient,
    run_status::Code,
};
use tributary_store::operation::OperationState;

use crate::{
    destinations,
    logs::booking,
    support::{NOW, World, agency_of, fields, grant, id, reason, tenant_of},
    workflows,
};

const ANN: &str = "trb_0123456789abcdefghjkmnpqrs";
const SINCE: &str = "time >= 2020-01-01T00:00:00Z";

/// A tenant whose source received one booking before its workflow was published, and two after it.
struct Scene {
    world: World,
    tenant: Tenant,
    source: Source,
    workflow: Workflow,
    messages: Vec<MessageId>,
}

impl Scene {
    async fn new() -> Self {
        let world = World::start().await;
        let tenant = world.tenant("acme").await;
        let source = world.source(&tenant, "calendly").await.source.unwrap();
        destinations::create(&world, &tenant).await;
        let workflow = workflows::create(&world, &source, "booking").await;
        let mut messages = vec![world.commit(&source, 1, &booking(1, "ann@example.com", ANN)).await];
        let workflow = workflows::publish(&world, &workflow).await;
        for number in [2, 3] {
            messages
                .push(world.commit(&source, number, &booking(number as u32, "bob@example.com", ANN)).await);
        }
        world.pass(10);
        Self { world, tenant, source, workflow, messages }
    }

    fn asks(&self, filter: &str) -> ReplayMessagesRequest {
        ReplayMessagesRequest {
            parent: self.tenant.name.clone(),
            filter: filter.to_owned(),
            ..ReplayMessagesRequest::default()
        }
    }

    async fn replay(&self, request: ReplayMessagesRequest) -> Result<Operation, Status> {
        self.world.logs().replay_messages(request).await.map(tonic::Response::into_inner)
    }

    /// Which messages, by their place, a replay would process again.
    async fn would(&self, filter: &str) -> Vec<usize> {
        let request = ReplayMessagesRequest { validate_only: true, ..self.asks(filter) };
        let preview = self.replay(request).await.unwrap().preview.unwrap();
        assert!(preview.complete);
        let mut found: Vec<usize> = preview
            .messages
            .iter()
            .map(|message| self.messages.iter().position(|one| *one == id(&message.name)).unwrap())
            .collect();
        found.sort_unstable();
        assert_eq!(preview.count, found.len() as i64);
        found
    }

    async fn list(&self, filter: &str, page_size: i32, page_token: &str) -> (Vec<Operation>, String) {
        let request = ListOperationsRequest {
            parent: self.tenant.name.clone(),
            page_size,
            page_token: page_token.to_owned(),
            filter: filter.to_owned(),
        };
        let page = self.world.operations().list_operations(request).await.unwrap().into_inner();
        (page.operations, page.next_page_token)
    }
}

#[tokio::test]
async fn a_preview_says_what_would_be_processed_again_and_changes_nothing() {
    let scene = Box::pin(Scene::new()).await;
    let workflow = id::<tributary_domain::id::WorkflowId>(&scene.workflow.name);
    assert_eq!(scene.would(SINCE).await, [0, 1, 2]);
    assert_eq!(scene.would(&format!("{SINCE} AND run_status = MAPPING_NOT_FOUND")).await, [0]);
    assert_eq!(scene.would(&format!("{SINCE} AND run_status != MAPPING_NOT_FOUND")).await, [1, 2]);
    assert_eq!(
        scene.would(&format!("{SINCE} AND run_status = SUCCEEDED AND workflow = {workflow}")).await,
        [1, 2]
    );
    assert_eq!(
        scene.would(&format!("{SINCE} AND workflow = wfl_00000000000000000000000000")).await,
        [] as [usize; 0]
    );
    assert_eq!(scene.would(&format!("{SINCE} AND identifier = \"email:bob@example.com\"")).await, [1, 2]);
    assert_eq!(scene.would(&format!("message = {} AND status = SUCCEEDED", scene.messages[1])).await, [1]);
    assert_eq!(scene.would(&format!("{SINCE} AND time < 2020-01-02T00:00:00Z")).await, [] as [usize; 0]);
    assert!(scene.list("", 0, "").await.0.is_empty(), "nothing is begun");
    assert_eq!(scene.world.house.operations.load(Ordering::Relaxed), 0);

    let request = ReplayDeliveriesRequest {
        parent: scene.tenant.name.clone(),
        filter: SINCE.to_owned(),
        validate_only: true,
        ..ReplayDeliveriesRequest::default()
    };
    let preview = scene.world.logs().replay_deliveries(request).await.unwrap().into_inner().preview.unwrap();
    assert_eq!(preview.count, 0, "both wait to be sent anyway");
}

#[tokio::test]
async fn what_is_not_said_clearly_is_refused() {
    let scene = Box::pin(Scene::new()).await;
    let message = scene.messages[0].to_string();
    let named = |messages: &[&str]| ReplayMessagesRequest {
        messages: messages.iter().map(|name| (*name).to_owned()).collect(),
        ..scene.asks("")
    };
    for (request, field) in [
        (scene.asks(""), "filter"),
        (scene.asks("run_status = FAILED"), "filter"),
        (scene.asks("time < 2030-01-01T00:00:00Z"), "filter"),
        (scene.asks(&format!("{SINCE} AND run_status = BROKEN")), "filter"),
        (scene.asks(&format!("{SINCE} AND state = FAILED")), "filter"),
        (ReplayMessagesRequest { filter: SINCE.to_owned(), ..named(&[&message]) }, "filter"),
        (named(&["msg_x"]), "messages[0]"),
        (named(&[&message, &format!("{}/runs/{message}", scene.tenant.name)]), "messages[1]"),
        (named(&vec![message.as_str(); 501]), "messages"),
        (ReplayMessagesRequest { request_id: "a b".to_owned(), ..scene.asks(SINCE) }, "request_id"),
        (ReplayMessagesRequest { parent: scene.workflow.name.clone(), ..scene.asks(SINCE) }, "parent"),
    ] {
        let refused = scene.replay(request.clone()).await.unwrap_err();
        assert_eq!(fields(&refused), [field], "{request:?}: {refused:?}");
    }
    let other = scene.world.source(&scene.tenant, "other").await.source.unwrap();
    let elsewhere = ReplayMessagesRequest { parent: other.name.clone(), ..named(&[&message]) };
    assert_eq!(fields(&scene.replay(elsewhere).await.unwrap_err()), ["messages[0]"]);
    let deliveries = ReplayDeliveriesRequest {
        parent: scene.tenant.name.clone(),
        filter: "state = FAILED".to_owned(),
        ..ReplayDeliveriesRequest::default()
    };
    let refused = scene.world.logs().replay_deliveries(deliveries).await.unwrap_err();
    assert_eq!(fields(&refused), ["filter"]);
    assert!(scene.list("", 0, "").await.0.is_empty(), "nothing is begun");
}

#[tokio::test]
async fn a_replay_is_begun_once_listed_in_pages_and_stopped() {
    let scene = Box::pin(Scene::new()).await;
    let request = ReplayMessagesRequest {
        request_id: "once".to_owned(),
        parent: scene.source.name.clone(),
        ..scene.asks(SINCE)
    };
    let first = scene.replay(request.clone()).await.unwrap();
    assert_eq!(scene.replay(request.clone()).await.unwrap(), first);
    assert_eq!(first.state(), State::Running);
    let asked = ReplayMessagesRequest { request_id: String::new(), ..request.clone() };
    assert_eq!(first.request, Some(Request::ReplayMessages(asked)));
    let other = scene.replay(ReplayMessagesRequest { filter: String::new(), ..request }).await;
    // Whatever else is wrong with it.
    assert!(other.is_err());
    scene.world.pass(1);
    let deliveries = ReplayDeliveriesRequest {
        parent: scene.tenant.name.clone(),
        filter: SINCE.to_owned(),
        ..ReplayDeliveriesRequest::default()
    };
    let second = scene.world.logs().replay_deliveries(deliveries).await.unwrap().into_inner();
    assert_eq!(scene.world.house.operations.load(Ordering::Relaxed), 3, "each time it may be the first");

    let (page, token) = scene.list("", 1, "").await;
    assert_eq!((page, token.is_empty()), (vec![second.clone()], false), "newest first");
    let (page, token) = scene.list("", 1, &token).await;
    assert_eq!((page, token.as_str()), (vec![first.clone()], ""));
    let running = scene.list("kind = REPLAY_MESSAGES AND state = RUNNING", 0, "").await.0;
    assert_eq!(running, std::slice::from_ref(&first));
    assert!(scene.list("state = CANCELLED", 0, "").await.0.is_empty());

    let cancel = async |etag: &str| {
        let request = CancelOperationRequest { name: first.name.clone(), etag: etag.to_owned() };
        scene.world.operations().cancel_operation(request).await.map(tonic::Response::into_inner)
    };
    assert_eq!(reason(&cancel("\"7\"").await.unwrap_err()), "ETAG_MISMATCH");
    let stopped = cancel(&first.etag).await.unwrap();
    assert_eq!((stopped.state(), stopped.complete_time.is_some()), (State::Cancelled, true));
    assert_eq!(cancel("").await.unwrap(), stopped, "it has ended already");
    assert_eq!(scene.list("state = CANCELLED", 0, "").await.0, [stopped]);

    for _ in 0..3 {
        scene.replay(scene.asks(SINCE)).await.unwrap();
    }
    let refused = scene.replay(scene.asks(SINCE)).await.unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (tonic::Code::ResourceExhausted, "OPERATIONS_RUNNING")
    );
}

#[tokio::test]
async fn an_operation_is_watched_until_it_ends_and_by_nobody_who_may_not() {
    let scene = Box::pin(Scene::new()).await;
    let world = &scene.world;
    let operation = scene.replay(scene.asks(SINCE)).await.unwrap();
    let name = WatchOperationRequest { name: operation.name.clone() };
    let agency = agency_of(&scene.tenant.name);
    let granted = vec![grant(&scene.tenant.name, TenantRole::Viewer)];
    let viewer = world.join(&agency, "v@example.com", AgencyRole::Member, granted).await;
    let mut watched = OperationServiceClient::new(world.wire_of(viewer.token()));
    let mut theirs = watched.watch_operation(name.clone()).await.unwrap().into_inner();
    assert_eq!(theirs.message().await.unwrap(), Some(operation.clone()), "at once");
    let member = DeleteMemberRequest { name: viewer.name.clone(), etag: String::new() };
    world.members().delete_member(member).await.unwrap();
    assert!(theirs.message().await.is_err(), "it ends, although the operation goes on");

    let mut mine = world.operations().watch_operation(name).await.unwrap().into_inner();
    assert_eq!(mine.message().await.unwrap(), Some(operation.clone()));
    let scope = world.store.tenant(tenant_of(&scene.tenant.name));
    let record = scope.operation(id(&operation.name)).await.unwrap();
    scope.choose_items(&record, NOW).await.unwrap();
    let counted = mine.message().await.unwrap().unwrap();
    assert_eq!((counted.total_count, counted.total_complete, counted.state()), (3, true, State::Running));
    scope.end_operation(record.id, OperationState::Failed, Some("why"), NOW).await.unwrap();
    let ended = mine.message().await.unwrap().unwrap();
    assert_eq!((ended.state(), ended.error.as_str()), (State::Failed, "why"));
    assert_eq!(mine.message().await.unwrap(), None, "that was the last");
}

#[tokio::test]
async fn another_tenants_operation_and_messages_are_not_reached() {
    let scene = Box::pin(Scene::new()).await;
    let other = scene.world.tenant("other").await;
    let operation = scene.replay(scene.asks(SINCE)).await.unwrap();
    let name = operation.name.replace(&scene.tenant.name, &other.name);
    let mut operations = scene.world.operations();
    let get = operations.get_operation(GetOperationRequest { name: name.clone() }).await.unwrap_err();
    let cancel = CancelOperationRequest { name: name.clone(), etag: String::new() };
    let cancel = operations.cancel_operation(cancel).await.unwrap_err();
    let watch = operations.watch_operation(WatchOperationRequest { name }).await.unwrap_err();
    for refused in [get, cancel, watch] {
        assert_eq!(reason(&refused), "OPERATION_NOT_FOUND");
    }
    let theirs = ReplayMessagesRequest {
        parent: other.name.clone(),
        messages: vec![scene.messages[0].to_string()],
        validate_only: true,
        ..ReplayMessagesRequest::default()
    };
    assert_eq!(scene.replay(theirs).await.unwrap().preview.unwrap().count, 0);
    let source = ReplayMessagesRequest {
        parent: scene.source.name.replace(&scene.tenant.name, &other.name),
        ..scene.asks(SINCE)
    };
    assert_eq!(reason(&scene.replay(source).await.unwrap_err()), "SOURCE_NOT_FOUND");
    let now = operations.get_operation(GetOperationRequest { name: operation.name.clone() }).await.unwrap();
    assert_eq!(now.into_inner(), operation);
}

#[tokio::test]
async fn a_trace_says_that_a_message_waits_to_be_replayed() {
    use tributary_store::ledger::{Again, HoldAgain};
    let scene = Box::pin(Scene::new()).await;
    let operation = scene.replay(scene.asks(SINCE)).await.unwrap();
    let tenant = tenant_of(&scene.tenant.name);
    let scope = scene.world.store.tenant(tenant);
    let record = scope.operation(id(&operation.name)).await.unwrap();
    scope.choose_items(&record, NOW).await.unwrap();
    let message = scene.messages[0];
    let again = Again {
        message,
        source: id(&scene.source.name),
        sequence: 1,
        record: prost::bytes::Bytes::from_static(b"record"),
    };
    let again = HoldAgain { tenant, operation: record.id, messages: vec![again] };
    scene.world.store.hold_again(&mut *scene.world.house.ledger.lock().await, &again, NOW).await.unwrap();
    let request = GetMessageTraceRequest { name: message.to_string() };
    let trace = scene.world.logs().get_message_trace(request).await.unwrap().into_inner();
    assert_eq!(trace.held.unwrap().reason, "REPLAYED");
    let replay = &trace.replays[0];
    assert_eq!(
        (replay.operation.as_str(), replay.replay_time, &replay.status_before),
        (operation.name.as_str(), None, &None)
    );
    let status = trace.runs[0].run.as_ref().unwrap().status.as_ref().unwrap().code();
    assert_eq!(status, Code::MappingNotFound, "as it ended before");
}
