//! The architecture's invariants from outside, one test each. Where the proof stands inside, next to the code:
//!
//! | invariant | inside |
//! |---|---|
//! | 1 no 2xx before durability | `journal`: `log/tests/power.rs` (unsynced writes dropped), `tests/kill.rs`; here also `kill` |
//! | 2 effects and progress together | `store`: `src/tests/transactions.rs`, `src/tests/claim.rs`; here also `kill`, `journal` |
//! | 3 in order per tenant | `journal`: `log/tests/model.rs`; here also `one_person` |
//! | 4 one owner per partition | `domain`: `partition.rs` (the hash never changes); `store`: `src/tests/claim.rs` (who was succeeded commits nothing) |
//! | 5 one live profile per value | `domain`: `tests/identity` (random histories against a model); `store`: `src/tests/entities.rs` (the key that only one can have) |
//! | 6 layers | `house` |
//! | 7 no query without a tenant | `store`: `src/tests/isolation.rs`, `src/tests/wall.rs` |
//! | 8 backpressure | `ingest`: `tests/it/overload.rs`; `journal`: `log/tests/bounds.rs` |
//! | 9 one delivery id for ever | `domain`: `id.rs`; here also `kill` |

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, stream};
use serde_json::json;
use tonic::Code;
use tributary_proto::admin::v1::{
    GetDestinationRequest, GetEventRequest, GetMessageRequest, GetMessageTraceRequest, GetProfileRequest,
    GetSourceRequest, GetWorkflowRequest, ListEventsRequest, run_status,
};
use tributary_tests::{
    Booking, Database, Reply, Server, ServerBuilder, Sink, Source, Spec, calendly_signature, cluid,
    databases, eventually, now_seconds, raw_post, slow_body,
};

use crate::{house, kill::assert_attempts_are_bounded, order::next_messages};

/// How often the server is killed while it has the same work to do.
const REPEATED_KILLS: u32 = 5;

async fn post_bookings(server: &Server, source: &Source, numbers: std::ops::Range<u32>) -> Vec<String> {
    let posts = numbers.map(|number| {
        let booking = Booking::new(number).cluid(&cluid(number % 10));
        async move { server.post(source, booking.body()).await.accepted() }
    });
    stream::iter(posts).buffer_unordered(64).collect().await
}

#[tokio::test]
async fn invariant_1_no_2xx_before_durability() {
    let mut server = Server::start().await;
    let (_, source, _) = server.bookings().await;
    for round in 0..5 {
        let accepted = post_bookings(&server, &source, round * 1_000..round * 1_000 + 200).await;
        // The moment the last one is acknowledged.
        server.kill();
        server.start_again().await;
        for message in server.all_processed(&accepted).await {
            assert_eq!(message.status.unwrap().code(), run_status::Code::Succeeded);
        }
    }
}

#[tokio::test]
async fn invariant_2_effects_and_progress_commit_together() {
    let mut server = Server::start().await;
    let (tenant, source, workflow) = server.bookings().await;
    let sink = Sink::start().await;
    server.destination(&tenant, "hook", &sink).await;
    let accepted = post_bookings(&server, &source, 0..500).await;
    // Whatever was committed and whatever was not: reading the journal again repeats work, never effects.
    for _ in 0..REPEATED_KILLS {
        server.kill();
        server.start_again().await;
    }
    server.all_processed(&accepted).await;
    server.delivered(&tenant, 500).await;
    assert_eq!(server.runs(&workflow).await.len(), 500);
    assert_eq!(server.events(&tenant).await.len(), 500);
    assert_eq!(server.deliveries(&tenant).await.len(), 500);
    assert_attempts_are_bounded(&sink.received(), REPEATED_KILLS as usize);
}

#[tokio::test]
async fn invariant_3_in_order_per_tenant_over_its_sources() {
    let server = Server::start().await;
    let tenant = server.tenant("acme").await;
    let sources = [server.calendly(&tenant, "first").await, server.calendly(&tenant, "second").await];
    for (key, source) in ["bookings", "others"].into_iter().zip(&sources) {
        server.preset(source, key).await;
    }
    let tail = server.tail(&tenant.name).await;
    let mut accepted = Vec::new();
    for number in 0..200 {
        let booking = Booking::new(number).cluid(&cluid(number % 3));
        let source = &sources[number as usize % 2];
        accepted.push(server.post(source, booking.body()).await.accepted());
    }
    let processed = next_messages(tail, accepted.len()).await;
    let processed: Vec<_> = processed.into_iter().map(|message| message.message_id).collect();
    assert_eq!(processed, accepted);
}

#[tokio::test]
async fn invariant_4_one_owner_per_partition() {
    let server = Server::start().await;
    let mut command = server.builder().command("serve");
    let output = command.output().expect("it ends");
    assert!(!output.status.success(), "a second process on one data folder");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("journal") || told.contains("in use"), "it says why: {told}");
    assert_eq!(server.operations_page("/readyz").await.status, 200, "the first one goes on");

    let Some(database) = Database::postgres() else { return };
    let mut first = ServerBuilder::on(database).start().await;
    let tenant = first.tenant("acme").await;
    let source = first.calendly(&tenant, "calendly").await;
    let workflow = first.preset(&source, "bookings").await;
    let before = post_bookings(&first, &source, 0..20).await;
    for message in &before {
        first.processed(message).await;
    }
    let second = ServerBuilder::beside(&first, "second").start().await;
    // It listens before it owns the partitions; once it has committed something, it does.
    for message in &post_bookings(&second, &source, 50..51).await {
        second.processed(message).await;
    }
    // What the stale owner still accepts, it cannot commit: it stops.
    for number in 100..120 {
        // It may have noticed by now.
        let _ = first.try_post_signed(&source, Booking::new(number).body()).await;
    }
    assert!(!first.exited().await.success(), "the stale owner stops");
    let after = post_bookings(&second, &source, 200..220).await;
    for message in &after {
        second.processed(message).await;
    }
    assert_eq!(second.runs(&workflow).await.len(), 41, "a stale owner's commit changes nothing");
}

#[tokio::test]
async fn invariant_5_one_live_profile_per_identifier() {
    for database in databases() {
        println!("on {}", database.kind());
        let server = ServerBuilder::on(database).start().await;
        let tenant = server.tenant("acme").await;
        let source = server.custom(&tenant, "web").await;
        let spec = Spec::track("Seen")
            .identifier("cluid", "$.cluid")
            .identifier("email", "$.email")
            .identifier("external_id:crm", "$.crm");
        server.published(&source, "seen", spec).await;

        let email = |number: u32| format!("person{}@example.com", number % 40);
        let crm = |number: u32| format!("crm-{}", number % 25);
        let posts = (0..1_500_u32).map(|number| {
            let (a, b, c) = (number * 17 % 35, number * 11 % 40, number * 13 % 25);
            let mut body = json!({"cluid": cluid(a)});
            if !number.is_multiple_of(3) {
                body["email"] = json!(email(b));
            }
            if number.is_multiple_of(5) {
                body["crm"] = json!(crm(c));
            }
            let (server, source) = (&server, &source);
            async move { server.post(source, body.to_string()).await.accepted() }
        });
        let messages: Vec<String> = stream::iter(posts).buffer_unordered(64).collect().await;
        server.all_processed(&messages).await;

        let cluids = (0..35).map(|number| ("cluid", cluid(number)));
        let emails = (0..40).map(|number| ("email", email(number)));
        let crms = (0..25).map(|number| ("external_id:crm", crm(number)));
        let mut owner_of = BTreeMap::new();
        let mut profiles = BTreeMap::new();
        for (kind, value) in cluids.chain(emails).chain(crms) {
            // A value that was only seen where the rules refused it belongs to nobody.
            let Some(owner) = server.lookup(&tenant, kind, &value).await else { continue };
            owner_of.insert((kind.to_owned(), value), owner.name.clone());
            profiles.insert(owner.name.clone(), owner);
        }
        assert!(owner_of.len() >= 80, "most belong to somebody: {}", owner_of.len());
        for profile in profiles.values() {
            assert!(profile.identifier_counts.get("external_id:crm").is_none_or(|count| *count == 1));
            for one in &profile.identifiers {
                let owner = &owner_of[&(one.r#type.clone(), one.value.clone())];
                assert_eq!(owner, &profile.name, "{} {} stands at two profiles", one.r#type, one.value);
            }
        }
        // Every profile that was ever handed out resolves to a live one.
        let handed_out: BTreeSet<_> =
            server.events(&tenant).await.into_iter().map(|event| event.profile).collect();
        for name in handed_out {
            let found = server.api().profiles().get_profile(GetProfileRequest { name }).await;
            assert!(profiles.contains_key(&found.expect("it resolves").into_inner().name));
        }
    }
}

#[test]
fn invariant_6_only_the_layers_that_may_name_a_library() {
    house::assert_libraries_stay_in_their_layers();
    house::assert_dependencies_point_one_way();
    house::assert_rules_are_pure();
}

#[tokio::test]
async fn invariant_7_nothing_is_found_under_another_tenant() {
    let server = Server::start().await;
    let (tenant, other) = (server.tenant("acme").await, server.tenant("other").await);
    let source = server.calendly(&tenant, "calendly").await;
    let workflow = server.preset(&source, "bookings").await;
    let sink = Sink::start().await;
    let destination = server.destination(&tenant, "hook", &sink).await;
    let id = server.post(&source, Booking::new(1).email("ada@example.com").body()).await.accepted();
    let trace = server.trace(&id).await;
    let event = trace.runs[0].events[0].event.clone().expect("an event");
    let message = trace.message.expect("a message");

    // The same names, moved under the other tenant.
    let moved = |name: &str| {
        assert!(name.starts_with(&tenant.name), "{name}");
        name.replacen(&tenant.name, &other.name, 1)
    };
    let api = server.api();
    let answers = [
        api.sources().get_source(GetSourceRequest { name: moved(&source.name) }).await.err(),
        api.workflows().get_workflow(GetWorkflowRequest { name: moved(&workflow.name) }).await.err(),
        api.destinations()
            .get_destination(GetDestinationRequest { name: moved(&destination.name) })
            .await
            .err(),
        api.events().get_event(GetEventRequest { name: moved(&event.name) }).await.err(),
        api.profiles().get_profile(GetProfileRequest { name: moved(&event.profile) }).await.err(),
        api.logs().get_message(GetMessageRequest { name: moved(&message.name), view: 0 }).await.err(),
        api.logs().get_message_trace(GetMessageTraceRequest { name: moved(&message.name) }).await.err(),
    ];
    for (number, answer) in answers.into_iter().enumerate() {
        assert_eq!(answer.map(|status| status.code()), Some(Code::NotFound), "call {number}");
    }
    assert!(server.lookup(&other, "email", "ada@example.com").await.is_none());
    let request = ListEventsRequest { parent: other.name.clone(), ..Default::default() };
    assert!(api.events().list_events(request).await.unwrap().into_inner().events.is_empty());
}

#[tokio::test]
async fn invariant_8_backpressure_not_buffers() {
    let server =
        ServerBuilder::on(Database::sqlite()).set("TRIBUTARY_HTTP__MAX_BODY_BYTES", "8388608").start().await;
    let (_, source, _) = server.bookings().await;
    let large = || {
        let filler = "x".repeat(400_000);
        Booking::new(1).with("/payload/name", json!(filler)).body()
    };
    let mut held = Vec::new();
    let refused = eventually("the door is full", async || {
        // Eight of them fill it, once they are read.
        held.push(slow_body(server.http(), &source.path, 1_000_000).await);
        // The answer comes before the whole body was read.
        let body = large();
        let signature = calendly_signature(source.key.as_deref().unwrap(), now_seconds(), &body);
        let headers = [("calendly-webhook-signature", signature.as_str())];
        let answer = raw_post(server.http(), &source.path, &headers, &body).await;
        (!answer.status.is_success()).then_some(answer)
    });
    let refused = refused.await;
    assert_eq!(refused.refused(), (503, "DOOR_FULL".to_owned()));
    assert!(refused.headers.contains_key("retry-after"));

    drop(held);
    let accepted = eventually("there is room again", async || {
        let answer = server.try_post_signed(&source, large()).await?;
        answer.status.is_success().then_some(answer)
    });
    server.processed(&accepted.await.accepted()).await;
}

#[tokio::test]
async fn invariant_9_one_delivery_id_for_ever() {
    let mut server = Server::start().await;
    let (tenant, source, _) = server.bookings().await;
    let sink = Sink::start().await;
    sink.answer(Reply::Status(503));
    server.destination(&tenant, "hook", &sink).await;
    let message = server.post(&source, Booking::new(1).cluid(&cluid(1)).body()).await.accepted();
    let first = server.attempted(&tenant, 1).await;
    server.kill();
    server.start_again().await;
    sink.answer(Reply::Status(200));
    let received = sink.wait_for(2).await;
    let ids: BTreeSet<_> = received.iter().map(|one| one.id().to_owned()).collect();
    assert_eq!(ids.len(), 1, "retries and crashes keep it");
    let id = ids.into_iter().next().expect("one");
    assert!(first.name.ends_with(&format!("/deliveries/{id}")));
    // Derived from the message, so that replaying the message makes the same one again.
    assert!(id.starts_with(&message.replacen("msg_", "dlv_", 1)), "{id} of {message}");
}
