//! The same webhook again: one effect.

use futures::{StreamExt, stream};
use serde_json::json;
use tributary_proto::admin::v1::run_status::Code;
use tributary_tests::{
    Booking, Server, ServerBuilder, Sink, Source, Spec, Tenant, Workflow, cluid, databases,
};

const COPIES: usize = 1_000;

#[tokio::test]
async fn a_webhook_that_is_sent_a_thousand_times_and_again_after_a_restart_has_one_effect() {
    for database in databases() {
        println!("on {}", database.kind());
        let mut server = ServerBuilder::on(database).start().await;
        let (tenant, source, workflow) = server.bookings().await;
        let sink = Sink::start().await;
        server.destination(&tenant, "hook", &sink).await;

        let first = post_copies(&server, &source, COPIES).await;
        has_one_effect(&server, &tenant, &workflow, &sink).await;
        assert_all_trace_to_the_first(&server, &first).await;

        server.stop().await;
        server.start_again().await;
        let again = post_copies(&server, &source, 100).await;
        for copy in server.all_processed(&again).await {
            assert_eq!(copy.status.as_ref().unwrap().code(), Code::Duplicate, "after a restart too");
        }
        has_one_effect(&server, &tenant, &workflow, &sink).await;
    }
}

/// Every copy is acknowledged.
async fn post_copies(server: &Server, source: &Source, copies: usize) -> Vec<String> {
    let booking = Booking::new(1).email("ada@example.com").cluid(&cluid(1)).body();
    let posts = (0..copies).map(|_| async { server.post(source, booking.clone()).await.accepted() });
    stream::iter(posts).buffer_unordered(64).collect().await
}

async fn has_one_effect(server: &Server, tenant: &Tenant, workflow: &Workflow, sink: &Sink) {
    server.delivered(tenant, 1).await;
    assert_eq!(server.runs(workflow).await.len(), 1);
    assert_eq!(server.events(tenant).await.len(), 1);
    assert_eq!(server.deliveries(tenant).await.len(), 1);
    assert_eq!(sink.received().len(), 1);
}

async fn assert_all_trace_to_the_first(server: &Server, copies: &[String]) {
    let mut originals = Vec::new();
    for message in server.all_processed(copies).await {
        match message.status.as_ref().unwrap().code() {
            Code::Succeeded => originals.push(message.name),
            Code::Duplicate => originals.push(message.duplicate_of),
            other => panic!("{} is {other:?}", message.name),
        }
    }
    assert_eq!(originals.len(), COPIES);
    assert!(originals.iter().all(|original| *original == originals[0]), "all trace to one");
}

#[tokio::test]
async fn a_custom_source_knows_copies_by_its_path_by_the_senders_key_or_not_at_all() {
    let server = Server::start().await;
    let tenant = server.tenant("acme").await;
    let spec = || Spec::track("Lead").identifier("email", "$.email");
    let by_path = server.source(&tenant, "path", "custom", &json!({"dedupe_path": "$.id"}), None).await;
    let plain = server.custom(&tenant, "plain").await;
    let (path_workflow, plain_workflow) =
        (server.published(&by_path, "path", spec()).await, server.published(&plain, "plain", spec()).await);

    let mut last = Vec::new();
    for (id, name) in [("1", "a"), ("1", "b"), ("2", "b")] {
        let body = json!({"id": id, "email": format!("{name}@example.com")}).to_string();
        last.push(server.post(&by_path, body).await.accepted());
    }
    let form = json!({"email": "same@example.com"}).to_string();
    for headers in [&[("idempotency-key", "k1")][..], &[("idempotency-key", "k1")], &[], &[]] {
        last.push(server.post_with(&plain, headers, form.clone()).await.accepted());
    }
    for message in &last {
        server.processed(message).await;
    }
    assert_eq!(server.runs(&path_workflow).await.len(), 2, "by its path");
    assert_eq!(server.runs(&plain_workflow).await.len(), 3, "by the key; forms without one can be real");
}
