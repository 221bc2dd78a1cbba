//! The tail.

use std::sync::Arc;

use tonic::Code;
use tributary_domain::{
    committed::{Committed, CommittedAttempt, CommittedMessage},
    id::{DeliveryId, DestinationId, EventId, MessageId, WorkflowId},
    workflow::status::RunStatus,
};
use tributary_proto::admin::v1::{Source, TailRequest, tail_response::Entry};

use crate::support::{NOW, World, id, tenant_of};

pub(crate) fn message(source: &Source, number: u128) -> Arc<Committed> {
    Arc::new(Committed::Message(CommittedMessage {
        is_test: false,
        tenant: tenant_of(&source.name),
        source: id(&source.name),
        message: MessageId::new(1, number),
        sequence: 1,
        received: NOW,
        committed: NOW,
        provider_event: Some("invitee.created".to_owned()),
        cluid_status: "FOUND",
        signature: "VALID",
        status: RunStatus::Succeeded,
        duplicate_of: None,
        runs: vec![(WorkflowId::new(1, 1), 3, RunStatus::FilterConditionFailed)],
    }))
}

fn attempt(source: &Source) -> Arc<Committed> {
    answered(source, None)
}

/// An attempt that was answered with an error.
pub(crate) fn answered(source: &Source, error: Option<&str>) -> Arc<Committed> {
    let event = EventId::derive(MessageId::new(1, 1), WorkflowId::new(1, 1), 0);
    let destination = DestinationId::new(1, 1);
    Arc::new(Committed::Attempt(CommittedAttempt {
        tenant: tenant_of(&source.name),
        source: id(&source.name),
        delivery: DeliveryId::derive(event, destination, 0),
        destination,
        state: "DELIVERED",
        attempts: 1,
        at: NOW,
        next: None,
        http_status: Some(200),
        error: error.map(str::to_owned),
    }))
}

#[tokio::test]
async fn a_reader_is_told_of_its_own_tenant_only_and_of_what_it_missed() {
    let world = World::start().await;
    let (one, other) = (world.tenant("one").await, world.tenant("other").await);
    let mine = world.source(&one, "calendly").await.source.unwrap();
    let theirs = world.source(&other, "calendly").await.source.unwrap();
    let request = TailRequest { parent: one.name.clone(), messages_only: false, filter: String::new() };
    let mut stream = world.logs().tail(request).await.unwrap().into_inner();
    let tell = |committed: Arc<Committed>| assert!(world.house.told.send(committed).is_ok());
    tell(message(&theirs, 1));
    tell(message(&mine, 2));
    tell(attempt(&mine));
    match stream.message().await.unwrap().unwrap().entry.unwrap() {
        Entry::Message(told) => {
            assert_eq!(told.message_id, MessageId::new(1, 2).to_string());
            assert_eq!(told.runs[0].status.as_ref().unwrap().display_name, "Filter condition failed");
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(stream.message().await.unwrap().unwrap().entry, Some(Entry::Delivery(_))));
}

#[tokio::test]
async fn a_source_is_tailed_without_its_deliveries() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let source = world.source(&tenant, "one").await.source.unwrap();
    let second = world.source(&tenant, "two").await.source.unwrap();
    let request = TailRequest { parent: source.name.clone(), messages_only: true, filter: String::new() };
    let mut stream = world.logs().tail(request).await.unwrap().into_inner();
    for committed in [attempt(&source), message(&second, 1), message(&source, 2)] {
        assert!(world.house.told.send(committed).is_ok());
    }
    match stream.message().await.unwrap().unwrap().entry.unwrap() {
        Entry::Message(told) => assert_eq!(told.source, source.name),
        other => panic!("{other:?}"),
    }
    let request =
        TailRequest { parent: "agencies/-/tenants/-".to_owned(), messages_only: true, filter: String::new() };
    assert_eq!(world.logs().tail(request).await.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test]
async fn open_tails_end_when_the_server_stops() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let request = TailRequest { parent: tenant.name, messages_only: false, filter: String::new() };
    let mut stream = world.logs().tail(request).await.unwrap().into_inner();
    world.stop().await;
    assert!(matches!(stream.message().await, Ok(None) | Err(_)));
}
