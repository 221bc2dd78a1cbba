//! A destination at work, with a database and a receiver.

use std::{collections::BTreeMap, net::Ipv4Addr, sync::Arc, time::Duration};

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::broadcast,
};
use tributary_domain::{
    committed::Committed,
    event::EventData,
    id::{DeliveryId, DestinationId, EventId, MessageId, ProfileId, SourceId, TenantId, WorkflowId},
    time::Timestamp,
};
use tributary_egress::{Egress, Policy, SystemResolver};
use tributary_store::{
    Page, Sealer, Secret, Store, StoreOptions,
    destination::{DestinationState, NewDestination},
    ledger::{ReadyDelivery, StoredEvent},
};
use tributary_telemetry::{Metrics, ambient::SystemClock};

use super::{Dispatcher, Tail};
use crate::{
    supervision::Arbiters,
    testing::{author, make_tenant},
};

fn tenant() -> TenantId {
    TenantId::new(1, 1)
}

fn destination() -> DestinationId {
    DestinationId::new(1, 1)
}

async fn configure(store: &Store, port: u16) {
    make_tenant(store, tenant()).await;
    // Thirty-two zeros in base64.
    let secret = format!("whsec_{}=", "A".repeat(43));
    let destination = NewDestination {
        id: destination(),
        key: "destination".to_owned(),
        display_name: "Destination".to_owned(),
        platform: "webhook".to_owned(),
        settings: json!({ "url": format!("http://127.0.0.1:{port}/") }),
        secrets: BTreeMap::from([("signing".to_owned(), Secret::new(&secret))]),
        filter: None,
        consent: None,
        event_names: BTreeMap::new(),
    };
    store.tenant(tenant()).create_destination(&destination, &author()).await.expect("makes a destination");
}

fn delivery(number: u64) -> ReadyDelivery {
    let event = EventId::derive(MessageId::new(number, 0), WorkflowId::new(1, 1), 0);
    let draft = json!({"index": 0, "kind": "track", "name": "Lead", "time": 0, "dedupe_id": null, "identifiers": [],
        "rejected": [], "traits": {}, "attributes": {}, "groups": {}, "group_traits": {}, "consents": {}});
    let data = json!({"draft": draft, "created": false, "steps": [], "context": {}});
    let data: EventData = serde_json::from_value(data).expect("event data");
    ReadyDelivery {
        tenant: tenant(),
        destination: destination(),
        delivery: DeliveryId::derive(event, destination(), 0),
        attempts: 0,
        before: 0,
        is_replay: false,
        due: Timestamp::from_seconds(1),
        event: Arc::new(StoredEvent {
            id: event,
            source: SourceId::new(1, 1),
            workflow: WorkflowId::new(1, 1),
            profile: Some(ProfileId::new(1, u128::from(number))),
            received: Timestamp::from_seconds(1),
            trace_parent: None,
            data,
        }),
    }
}

fn dispatcher(store: &Store, arbiters: &Arc<Arbiters>, tail: Tail) -> Dispatcher {
    let policy = Policy { allow: vec!["127.0.0.0/8".parse().expect("a subnet")], ..Policy::default() };
    let egress = Egress::new(policy, Arc::new(SystemResolver::default())).expect("a client");
    let (arbiters, clock) = (Arc::clone(arbiters), Arc::new(SystemClock));
    Dispatcher::new(store.clone(), arbiters, egress, clock, Metrics::unread(), || 0.5, tail)
}

/// Takes this many requests and answers none of them.
async fn hold(listener: &TcpListener, requests: usize) -> Vec<TcpStream> {
    let mut held = Vec::new();
    while held.len() < requests {
        let (mut stream, _) = listener.accept().await.expect("accepts");
        let read = stream.read(&mut [0; 16]).await.expect("reads");
        assert!(read > 0, "it asks for something");
        held.push(stream);
    }
    held
}

#[test]
fn gone_is_written_once_however_many_attempts_hear_it_and_before_the_drain_ends() {
    let runtime = Box::leak(Box::new(tokio::runtime::Runtime::new().expect("a runtime")));
    let runtime: &'static tokio::runtime::Runtime = runtime;
    actix::System::with_tokio_rt(move || runtime).block_on(async {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let url = format!("sqlite://{}/store.db", folder.path().display());
        let store = Store::open(&url, StoreOptions::new(Sealer::new([7; 32]))).await.expect("opens");
        store.migrate().await.expect("migrates");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("binds");
        configure(&store, listener.local_addr().expect("bound").port()).await;

        let arbiters = Arc::new(Arbiters::start(runtime, 1, || (), || ()));
        let (tail, _) = broadcast::channel(64);
        let dispatcher = dispatcher(&store, &arbiters, Tail(tail));
        // What is offered before the database was read is left there, and these are not in it: offer them again.
        let offers = async {
            loop {
                dispatcher.offer((1..=8).map(delivery).collect()).await;
                tokio::task::yield_now().await;
            }
        };
        let held = tokio::select! {
            held = hold(&listener, 8) => held,
            () = offers => unreachable!("it goes on"),
        };
        for mut stream in held {
            stream.write_all(b"HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n").await.expect("answers");
        }
        assert!(dispatcher.drain(Duration::from_secs(60)).await, "all of it ends");

        let scope = store.tenant(tenant());
        let found = scope.destination(destination()).await.expect("is there");
        assert_eq!((found.state, found.revision), (DestinationState::Disabled, 2));
        let audit = scope.audit_log(Page::first(100)).await.expect("lists").items;
        let disabled = audit.iter().filter(|entry| entry.action == "destination.set_state").count();
        assert_eq!(disabled, 1);
        arbiters.stop();
        store.close().await.expect("closes");
    });
}

#[test]
fn a_replayed_delivery_has_as_many_tries_as_at_first() {
    let runtime = Box::leak(Box::new(tokio::runtime::Runtime::new().expect("a runtime")));
    let runtime: &'static tokio::runtime::Runtime = runtime;
    actix::System::with_tokio_rt(move || runtime).block_on(async {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let url = format!("sqlite://{}/store.db", folder.path().display());
        let store = Store::open(&url, StoreOptions::new(Sealer::new([7; 32]))).await.expect("opens");
        store.migrate().await.expect("migrates");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("binds");
        configure(&store, listener.local_addr().expect("bound").port()).await;
        let arbiters = Arc::new(Arbiters::start(runtime, 1, || (), || ()));
        let (tail, mut told) = broadcast::channel(64);
        let dispatcher = dispatcher(&store, &arbiters, Tail(tail));
        let tried = |number, before| ReadyDelivery { attempts: 1_000, before, ..delivery(number) };
        let offers = async {
            loop {
                dispatcher.offer(vec![tried(1, 0), tried(2, 1_000)]).await;
                tokio::task::yield_now().await;
            }
        };
        let held = tokio::select! {
            held = hold(&listener, 2) => held,
            () = offers => unreachable!("it goes on"),
        };
        for mut stream in held {
            stream.write_all(b"HTTP/1.1 503 Later\r\ncontent-length: 0\r\n\r\n").await.expect("answers");
        }
        let mut states = BTreeMap::new();
        while states.len() < 2 {
            let Committed::Attempt(attempt) = &*told.recv().await.expect("it is told") else { continue };
            assert_eq!(attempt.attempts, 1_001, "numbered on");
            states.insert(attempt.delivery, attempt.state);
        }
        assert_eq!(states[&delivery(1).delivery], "FAILED", "it had all of its tries");
        assert_eq!(states[&delivery(2).delivery], "PENDING", "these were before it was replayed");
        assert!(dispatcher.drain(Duration::from_secs(60)).await, "all of it ends");
        arbiters.stop();
        store.close().await.expect("closes");
    });
}
