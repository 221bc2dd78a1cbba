//! Searching the logs, in lists and in the tail.

use std::sync::Arc;

use tonic::{Code, Status, Streaming};
use tributary_domain::{
    committed::{Committed, CommittedAttempt, CommittedMessage},
    id::{DeliveryId, MessageId, WorkflowId},
    time::Timestamp,
    workflow::status::RunStatus,
};
use tributary_proto::admin::v1::{
    Destination, ListDeliveriesRequest, ListMessagesRequest, ListRunsRequest, Source, TailRequest,
    TailResponse, Tenant, Workflow, tail_response::Entry,
};

use crate::{
    destinations,
    logs::booking,
    support::{NOW, World, fields, id, tenant_of},
    workflows,
};

const ANN: &str = "trb_0123456789abcdefghjkmnpqrs";
const BOB: &str = "trb_0123456789abcdefghjkmnpqrt";

/// A tenant whose source received three bookings: of Ann before the workflow was published, then of Ann and of Bob.
struct Scene {
    world: World,
    tenant: Tenant,
    source: Source,
    workflow: Workflow,
    destination: Destination,
    messages: Vec<MessageId>,
}

impl Scene {
    async fn new() -> Self {
        let world = World::start().await;
        let tenant = world.tenant("acme").await;
        let source = world.source(&tenant, "calendly").await.source.unwrap();
        let destination = destinations::create(&world, &tenant).await;
        let workflow = workflows::create(&world, &source, "booking").await;
        let mut messages = vec![world.commit(&source, 1, &booking(1, "ann@example.com", ANN)).await];
        let workflow = workflows::publish(&world, &workflow).await;
        messages.push(world.commit(&source, 2_000, &booking(2, "ann@example.com", ANN)).await);
        messages.push(world.commit(&source, 4_000, &booking(3, "Bob@Example.com", BOB)).await);
        Self { world, tenant, source, workflow, destination, messages }
    }

    async fn messages(&self, filter: &str) -> Result<Vec<usize>, Status> {
        let request = ListMessagesRequest {
            parent: self.source.name.clone(),
            filter: filter.to_owned(),
            ..ListMessagesRequest::default()
        };
        let found = self.world.logs().list_messages(request).await?.into_inner().messages;
        Ok(self.numbers(found.iter().map(|message| message.name.as_str())))
    }

    async fn runs(&self, filter: &str) -> Result<Vec<usize>, Status> {
        let request = ListRunsRequest {
            parent: self.workflow.name.clone(),
            filter: filter.to_owned(),
            ..ListRunsRequest::default()
        };
        let found = self.world.logs().list_runs(request).await?.into_inner().runs;
        Ok(self.numbers(found.iter().map(|run| run.message.as_str())))
    }

    async fn deliveries(&self, filter: &str) -> Result<Vec<usize>, Status> {
        let request = ListDeliveriesRequest {
            parent: self.tenant.name.clone(),
            filter: filter.to_owned(),
            ..ListDeliveriesRequest::default()
        };
        let found = self.world.logs().list_deliveries(request).await?.into_inner().deliveries;
        Ok(self.numbers(found.iter().map(|delivery| delivery.message.as_str())))
    }

    /// Which of the three these are, counted from 1.
    fn numbers<'a>(&self, names: impl Iterator<Item = &'a str>) -> Vec<usize> {
        let number = |name: &str| self.messages.iter().position(|message| *message == id(name)).unwrap() + 1;
        names.map(number).collect()
    }
}

fn last_segment(name: &str) -> &str {
    name.rsplit('/').next().unwrap()
}

#[tokio::test]
async fn every_log_is_searched_by_what_is_known_of_its_messages() {
    let scene = Box::pin(Scene::new()).await;
    let today = format!("time >= {}", NOW.minus(std::time::Duration::from_hours(24)));
    let second = scene.messages[1];
    let late = Timestamp::from_micros(NOW.micros() + 2_000_000);
    for (filter, messages) in [
        (String::new(), vec![3, 2, 1]),
        (format!("time > {late}"), vec![3]),
        (format!("time <= {late} AND time >= {NOW}"), vec![2, 1]),
        (format!("message = {second}"), vec![2]),
        (format!("message = \"{second}\" AND body : 'ANN@example'"), vec![2]),
        (format!("message = {second} AND body:bob"), vec![]),
        (format!(r#"{today} AND body:"BOB@example.com""#), vec![3]),
        (format!(r#"{today} AND body:"\"name\":\"Intro\"" AND body:ann@"#), vec![2, 1]),
        (format!("{today} AND cluid = {ANN}"), vec![2, 1]),
        (format!("cluid = {ANN}"), vec![2]),
        (format!("cluid = {}", ANN.to_uppercase()), vec![2]),
        ("identifier = 'email: ANN@Example.com'".to_owned(), vec![2]),
        (format!("identifier = cluid:{BOB}"), vec![3]),
        (format!("identifier = email:ann@example.com AND cluid = {BOB}"), vec![]),
        ("identifier = email:nobody@example.com".to_owned(), vec![]),
    ] {
        assert_eq!(scene.messages(&filter).await.unwrap(), messages, "messages: {filter}");
        assert_eq!(scene.runs(&filter).await.unwrap(), messages, "runs: {filter}");
        // The first made no event.
        let delivered: Vec<usize> = messages.into_iter().filter(|number| *number > 1).collect();
        assert_eq!(scene.deliveries(&filter).await.unwrap(), delivered, "deliveries: {filter}");
    }
}

#[tokio::test]
async fn each_log_is_searched_by_what_only_it_has() {
    let scene = Box::pin(Scene::new()).await;
    for (filter, numbers) in [
        ("status = SUCCEEDED AND provider_event = invitee.created AND cluid_status = FOUND", vec![3, 2, 1]),
        ("status != SUCCEEDED", vec![]),
        ("cluid_status = MISSING", vec![]),
        ("provider_event = invitee.canceled", vec![]),
    ] {
        assert_eq!(scene.messages(filter).await.unwrap(), numbers, "{filter}");
    }
    assert_eq!(scene.runs("status = MAPPING_NOT_FOUND").await.unwrap(), [1]);
    assert_eq!(scene.runs("status != MAPPING_NOT_FOUND").await.unwrap(), [3, 2]);
    let (source, workflow) = (last_segment(&scene.source.name), last_segment(&scene.workflow.name));
    let other = scene.world.source(&scene.tenant, "other").await.source.unwrap();
    for (filter, numbers) in [
        (format!("source = {source} AND workflow = {workflow}"), vec![3, 2]),
        (format!("source = {}", last_segment(&other.name)), vec![]),
        (format!("destination = {}", last_segment(&scene.destination.name)), vec![3, 2]),
        ("state = PENDING".to_owned(), vec![3, 2]),
        ("state != PENDING".to_owned(), vec![]),
    ] {
        assert_eq!(scene.deliveries(&filter).await.unwrap(), numbers, "{filter}");
    }
}

#[tokio::test]
async fn a_search_that_cannot_be_is_refused_with_its_place_and_what_could() {
    let scene = Box::pin(Scene::new()).await;
    let ago = |days: u64| NOW.minus(std::time::Duration::from_hours(24 * days));
    for (filter, words) in [
        ("body:x".to_owned(), "at most 7 days later"),
        (format!("body:x AND time >= {}", ago(8)), "at most 7 days later"),
        (format!("time < {NOW} AND body:x"), "at character 33"),
        ("cluid = spring-sale".to_owned(), "no cluid of the tag's"),
        ("identifier = email:zoe".to_owned(), "`identifier`"),
        ("identifier = zoe@example.com".to_owned(), "external_id:crm:42"),
        ("time = today".to_owned(), "`time` cannot be compared with `=`"),
        ("colour = red".to_owned(), "the fields are"),
    ] {
        for refused in
            [scene.messages(&filter).await, scene.runs(&filter).await, scene.deliveries(&filter).await]
        {
            let refused = refused.unwrap_err();
            assert_eq!(refused.code(), Code::InvalidArgument);
            assert_eq!(fields(&refused), ["filter"]);
            assert!(refused.message().contains(words), "{filter}: {}", refused.message());
            assert!(!refused.message().contains("zoe"), "what was searched for is not repeated");
        }
    }
    let own = scene.runs("destination = dst_1").await.unwrap_err();
    assert!(own.message().contains("status (= !=), time"), "{}", own.message());
    let found = scene.messages(&format!("cluid = spring-sale AND time >= {}", ago(7))).await;
    assert!(found.unwrap().is_empty());
    assert_eq!(scene.messages("status = FAILED").await.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test]
async fn pages_of_a_search_stay_stable_while_messages_arrive() {
    let scene = Box::pin(Scene::new()).await;
    let mut request = ListMessagesRequest {
        parent: scene.source.name.clone(),
        page_size: 1,
        filter: format!("time >= {} AND body:ann@", NOW.minus(std::time::Duration::from_hours(7 * 24))),
        ..ListMessagesRequest::default()
    };
    let mut seen = Vec::new();
    for round in 0..10 {
        let page = scene.world.logs().list_messages(request.clone()).await.unwrap().into_inner();
        seen.extend(page.messages.into_iter().map(|message| message.name));
        let late = booking(10 + round, "ann@example.com", ANN);
        scene.world.commit(&scene.source, 10_000 + u64::from(round), &late).await;
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }
    assert_eq!(scene.numbers(seen.iter().map(String::as_str)), [2, 1]);
    let page = ListMessagesRequest { page_token: String::new(), ..request.clone() };
    let token = scene.world.logs().list_messages(page).await.unwrap().into_inner().next_page_token;
    let other = ListMessagesRequest { page_token: token, filter: String::new(), ..request };
    assert_eq!(fields(&scene.world.logs().list_messages(other).await.unwrap_err()), ["page_token"]);
}

impl Scene {
    async fn tail(&self, filter: &str) -> Result<Streaming<TailResponse>, Status> {
        let request =
            TailRequest { parent: self.tenant.name.clone(), messages_only: false, filter: filter.to_owned() };
        Ok(self.world.logs().tail(request).await?.into_inner())
    }

    fn tell(&self, committed: Committed) {
        assert!(self.world.house.told.send(Arc::new(committed)).is_ok());
    }

    /// Message number `number`, as it is told.
    fn message(&self, number: usize) -> Committed {
        let status = if number == 1 { RunStatus::MappingNotFound } else { RunStatus::Succeeded };
        Committed::Message(CommittedMessage {
            is_test: false,
            tenant: tenant_of(&self.tenant.name),
            source: id(&self.source.name),
            message: self.messages[number - 1],
            sequence: 1,
            received: NOW,
            committed: NOW,
            provider_event: Some("invitee.created".to_owned()),
            cluid_status: "FOUND",
            signature: "VALID",
            status: RunStatus::Succeeded,
            duplicate_of: None,
            runs: vec![(id::<WorkflowId>(&self.workflow.name), 1, status)],
        })
    }

    /// The delivery of message number `number`.
    async fn attempt(&self, number: usize) -> Committed {
        let filter = format!("message = {}", self.messages[number - 1]);
        let request =
            ListDeliveriesRequest { parent: self.tenant.name.clone(), filter, ..Default::default() };
        let found = self.world.logs().list_deliveries(request).await.unwrap().into_inner().deliveries;
        Committed::Attempt(CommittedAttempt {
            tenant: tenant_of(&self.tenant.name),
            source: id(&self.source.name),
            delivery: id::<DeliveryId>(&found[0].name),
            destination: id(&found[0].destination),
            state: "PENDING",
            attempts: 1,
            at: NOW,
            next: None,
            http_status: Some(503),
            error: None,
        })
    }
}

/// Where something stands in a tail: which message, and whether it was told as a delivery.
fn place(scene: &Scene, answer: &TailResponse) -> (usize, bool) {
    let (name, is_delivery) = match answer.entry.as_ref().unwrap() {
        Entry::Message(message) => (&message.name, false),
        Entry::Delivery(delivery) => (&delivery.message, true),
        Entry::SkippedCount(count) => panic!("{count} skipped"),
    };
    (scene.numbers([name.as_str()].into_iter())[0], is_delivery)
}

#[tokio::test]
async fn the_tail_tells_what_its_filter_wants() {
    let scene = Box::pin(Scene::new()).await;
    let workflow = last_segment(&scene.workflow.name);
    let destination = last_segment(&scene.destination.name);
    let source = last_segment(&scene.source.name);
    // What is told of messages 1, 2, 3 and the deliveries of 2 and 3; one who wants nothing else is told the end.
    for (filter, wanted) in [
        (format!("source = {source}"), vec![(1, false), (2, false), (3, false), (2, true), (3, true)]),
        (format!("workflow = {workflow} AND status = MAPPING_NOT_FOUND"), vec![(1, false)]),
        (format!("workflow = {workflow} AND status != MAPPING_NOT_FOUND"), vec![(2, false), (3, false)]),
        (format!("workflow = {workflow} AND state = PENDING"), vec![(2, true), (3, true)]),
        ("workflow = wfl_00000000000000000000000000".to_owned(), vec![]),
        (format!("destination = {destination}"), vec![(2, true), (3, true)]),
        ("state != PENDING".to_owned(), vec![]),
        ("status != SUCCEEDED".to_owned(), vec![]),
        (
            "provider_event = invitee.created AND cluid_status = FOUND AND body:bob".to_owned(),
            vec![(3, false)],
        ),
        (format!("cluid = {ANN}"), vec![(1, false), (2, false), (2, true)]),
        ("identifier = email:ANN@example.com".to_owned(), vec![(2, false), (2, true)]),
        ("body:'bob@EXAMPLE.com'".to_owned(), vec![(3, false), (3, true)]),
        (format!("message = {}", scene.messages[1]), vec![(2, false), (2, true)]),
    ] {
        let mut stream = scene.tail(&filter).await.unwrap();
        let told = [scene.message(1), scene.message(2), scene.message(3)];
        let told = told.into_iter().chain([scene.attempt(2).await, scene.attempt(3).await]);
        // What is told goes by in a bounded queue: each is waited for before the next is told.
        let mut found = Vec::new();
        for committed in told {
            let is_wanted = wanted.get(found.len()).copied().filter(|(number, is_delivery)| {
                let message = match &committed {
                    Committed::Message(message) => (message.message, false),
                    Committed::Attempt(attempt) => (attempt.delivery.message(), true),
                };
                message == (scene.messages[*number - 1], *is_delivery)
            });
            scene.tell(committed);
            if is_wanted.is_some() {
                found.push(place(&scene, &stream.message().await.unwrap().unwrap()));
            } else {
                while !scene.world.house.told.is_empty() {
                    tokio::task::yield_now().await;
                }
            }
        }
        assert_eq!(found, wanted, "{filter}");
    }
    for filter in ["time >= 2026-01-01T00:00:00Z", "identifier = email:ann", "colour = red"] {
        assert_eq!(fields(&scene.tail(filter).await.unwrap_err()), ["filter"], "{filter}");
    }
}

#[tokio::test]
async fn a_gap_is_announced_with_the_time_to_list_from() {
    let scene = Box::pin(Scene::new()).await;
    let mut stream = scene.tail("").await.unwrap();
    let received = Timestamp::from_seconds(NOW.seconds() - 60);
    let Committed::Message(first) = scene.message(1) else { panic!("a message") };
    scene.tell(Committed::Message(CommittedMessage { received, ..first }));
    stream.message().await.unwrap().unwrap();
    // Nobody else has a turn meanwhile, and four fit into the queue.
    for _ in 0..10 {
        scene.tell(scene.message(2));
    }
    let gap = stream.message().await.unwrap().unwrap();
    assert_eq!(gap.entry, Some(Entry::SkippedCount(6)));
    assert_eq!(gap.skipped_since_time.unwrap().seconds, received.seconds());
    for _ in 0..4 {
        let answer = stream.message().await.unwrap().unwrap();
        assert_eq!((place(&scene, &answer), answer.skipped_since_time), ((2, false), None));
    }
}
