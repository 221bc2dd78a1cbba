//! No secret and no personal data in logs, metrics and traces; and one span tree from the webhook to the attempt.

use std::{collections::HashMap, time::Duration};

use serde_json::json;
use tributary_tests::{
    Api, Booking, Collector, Database, Reply, Server, ServerBuilder, Sink, Source, Spec, Tenant,
    calendly_signature, cluid, eventually, eventually_within, now_seconds, to_struct,
};

/// How long the exporter may keep spans before it sends them.
const EXPORT: Duration = Duration::from_secs(30);

/// Values that must not be found anywhere; each is posted, configured or asked for below.
const PERSONAL: [&str; 7] = [
    "canary.person@example.com",
    "Canarius Nightingale",
    "+14045550177",
    "canary answer about my health",
    "canary-rejected-identifier {{name}}",
    "canary-response-header",
    "canary-response-body",
];
const SIGNING_KEY: &str = "canary-signing-key-5c1f";
const WRONG_TOKEN: &str = "canary-wrong-token-77aa";

#[tokio::test]
async fn no_secret_and_no_personal_data_in_logs_metrics_and_traces() {
    let collector = Collector::start().await;
    let mut server = ServerBuilder::on(Database::sqlite())
        .set("TRIBUTARY_TELEMETRY__OTLP_ENDPOINT", &collector.endpoint())
        .set("TRIBUTARY_TELEMETRY__LOG_FILTER", "info,tributary=trace")
        .set("TRIBUTARY_FAULTS__WORKFLOW_PANIC", "boom")
        .start()
        .await;
    let tenant = server.tenant("acme").await;
    let source = server.source(&tenant, "calendly", "calendly", &json!({}), Some(SIGNING_KEY)).await;
    let sink = Sink::start().await;
    exercise(&server, &tenant, &source, &sink).await;

    let metrics = server.operations_page("/metrics").await.body;
    assert!(metrics.contains("tributary_ingest_accepted_total"));
    let secrets = [
        SIGNING_KEY,
        WRONG_TOKEN,
        server.api().token(),
        sink.secret(),
        source.path.strip_prefix("/in/").unwrap(),
    ]
    .map(str::to_owned);
    server.stop().await;
    eventually("spans are exported", async || (!collector.spans().is_empty()).then_some(())).await;

    let (log, exported) = (server.log(), collector.text());
    assert!(log.contains("request refused"), "the log tells what happens: {log}");
    let visitor = cluid(99);
    let personal = PERSONAL.iter().copied().chain([visitor.as_str()]);
    for canary in personal.chain(secrets.iter().map(String::as_str)) {
        for (place, text) in [("the log", &log), ("/metrics", &metrics), ("what is exported", &exported)] {
            let (text, canary) = (text.to_lowercase(), canary.to_lowercase());
            if let Some(at) = text.find(&canary) {
                let line = text[..at].lines().count();
                panic!("`{canary}` stands in {place}, line {line}: {:?}", text.lines().nth(line.max(1) - 1));
            }
        }
    }
}

fn canary_booking(number: u32) -> Booking {
    Booking::new(number)
        .email(PERSONAL[0])
        .cluid(&cluid(99))
        .with("/payload/name", json!(PERSONAL[1]))
        .with("/payload/text_reminder_number", json!(PERSONAL[2]))
        .with(
            "/payload/questions_and_answers",
            json!([{"question": "Why?", "answer": PERSONAL[3], "position": 0}]),
        )
}

/// Everything that touches a secret or a person: what works, and above all what does not.
async fn exercise(server: &Server, tenant: &Tenant, source: &Source, sink: &Sink) {
    server.preset(source, "bookings").await;
    let strict = Spec::track("Lead").identifier("external_id:crm", "$.payload.tracking.utm_content");
    server.published(source, "strict", strict).await;
    let headers = vec![("x-canary", PERSONAL[5].to_owned())];
    sink.answer(Reply::Saying(500, headers, format!("it says {}", PERSONAL[6])));
    server.destination(tenant, "hook", sink).await;

    let good = server.post(source, canary_booking(1).body()).await.accepted();
    let rejected = canary_booking(2).with("/payload/tracking/utm_content", json!(PERSONAL[4]));
    let rejected = server.post(source, rejected.body()).await.accepted();
    let copy = server.post(source, canary_booking(1).body()).await.accepted();
    let bad = server.post(source, canary_booking(3).and("fault", json!("boom")).body()).await.accepted();
    for message in [&good, &rejected, &copy, &bad] {
        server.trace(message).await;
    }
    sink.wait_for(2).await;
    let attempted = eventually("an answer of the destination is recorded", async || {
        server.deliveries(tenant).await.into_iter().find(|one| one.attempt_count > 0)
    });
    let attempted = server.delivery(&attempted.await.name).await;
    let answer = String::from_utf8_lossy(&attempted.attempts[0].response_body);
    assert!(answer.contains(PERSONAL[6]), "the log of the tenant keeps it: {answer}");

    let body = canary_booking(4).body();
    let forged = calendly_signature("canary-other-key", now_seconds(), &body);
    let headers = [("calendly-webhook-signature", forged.as_str()), ("authorization", WRONG_TOKEN)];
    server.post_with(source, &headers, body).await.refused();
    let broken = format!("{{\"email\": \"{}\"", PERSONAL[0]);
    server.post(source, broken).await.refused();

    let wrong = Api::with_token(server.admin(), WRONG_TOKEN);
    wrong
        .agencies()
        .list_agencies(tributary_proto::admin::v1::ListAgenciesRequest::default())
        .await
        .unwrap_err();
    server.lookup(tenant, "email", PERSONAL[0]).await.expect("a profile");
    refused_destination(server, tenant, sink.secret()).await;
}

/// A destination whose settings are refused, with a secret in them.
async fn refused_destination(server: &Server, tenant: &Tenant, secret: &str) {
    use tributary_proto::admin::v1::{CreateDestinationRequest, Destination};
    let destination = Destination {
        key: "wrong".to_owned(),
        platform: "webhook".to_owned(),
        settings: Some(to_struct(&json!({"url": "ftp://example.com", "token": secret}))),
        secrets: [("signing".to_owned(), secret.to_owned())].into(),
        ..Default::default()
    };
    let request = CreateDestinationRequest {
        parent: tenant.name.clone(),
        destination: Some(destination),
        ..Default::default()
    };
    server.api().destinations().create_destination(request).await.expect_err("it is refused");
}

#[tokio::test]
async fn one_span_tree_reaches_from_the_webhook_to_the_delivery_attempt() {
    let collector = Collector::start().await;
    let server = ServerBuilder::on(Database::sqlite())
        .set("TRIBUTARY_TELEMETRY__OTLP_ENDPOINT", &collector.endpoint())
        .start()
        .await;
    let tenant = server.tenant("acme").await;
    let source = server.custom(&tenant, "forms").await;
    server.published(&source, "leads", Spec::track("Lead").identifier("email", "$.email")).await;
    let sink = Sink::start().await;
    server.destination(&tenant, "hook", &sink).await;

    // The sender has a trace of its own: ours goes on from there.
    let (trace, span) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
    let parent = format!("00-{trace}-{span}-01");
    let body = json!({"email": "ada@example.com"}).to_string();
    server.post_with(&source, &[("traceparent", &parent)], body).await.accepted();
    sink.wait_for(1).await;

    let spans = eventually_within(EXPORT, "both ends of the tree are exported", async || {
        let spans = collector.spans();
        let has = |name: &str| spans.iter().any(|span| span.name == name);
        (has("webhook") && has("delivery.attempt")).then_some(spans)
    });
    let spans = spans.await;
    let of_trace: HashMap<String, _> = spans
        .iter()
        .filter(|span| hex::encode(&span.trace_id) == trace)
        .map(|span| (hex::encode(&span.span_id), span))
        .collect();
    let mut at =
        of_trace.values().find(|span| span.name == "delivery.attempt").expect("in the sender's trace");
    let mut path = vec![at.name.as_str()];
    while let Some(parent) = of_trace.get(&hex::encode(&at.parent_span_id)) {
        path.push(&parent.name);
        at = parent;
    }
    assert_eq!(path.last(), Some(&"webhook"), "{path:?}");
    assert_eq!(hex::encode(&at.parent_span_id), span, "below the sender's span");
}
