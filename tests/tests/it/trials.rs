//! Test messages and tests of destinations: what is a test reaches nobody who would count it.

use serde_json::{Value, json};
use tributary_proto::admin::v1::{
    self as pb, CreateDestinationRequest, QueryStatsRequest, TestDestinationRequest,
};
use tributary_tests::{
    ACCOUNT, CREDENTIAL, Platforms, Server, ServerBuilder, Sink, Spec, Tenant, databases, eventually,
    to_struct,
};

use crate::cli::ask;

async fn connect(server: &Server, tenant: &Tenant, platform: &str, settings: &Value, secret: (&str, &str)) {
    let destination = pb::Destination {
        key: platform.to_owned(),
        display_name: platform.to_owned(),
        platform: platform.to_owned(),
        settings: Some(to_struct(settings)),
        secrets: [(secret.0.to_owned(), secret.1.to_owned())].into(),
        ..Default::default()
    };
    let request = CreateDestinationRequest {
        parent: tenant.name.clone(),
        destination: Some(destination),
        ..Default::default()
    };
    server.api().destinations().create_destination(request).await.expect("a destination");
}

fn lead(email: &str, mode: &str) -> String {
    json!({"email": email, "phone": "+1 404-555-0142", "mode": mode}).to_string()
}

#[tokio::test]
async fn what_is_a_test_goes_to_test_facilities_and_is_counted_by_nobody() {
    for database in databases() {
        println!("on {}", database.kind());
        let server = ServerBuilder::on(database).start().await;
        let platforms = Platforms::start().await;
        let (tenant, sink) = (server.tenant("acme").await, Sink::start().await);
        let source = server.custom(&tenant, "forms").await;
        let spec = Spec::track("Lead").identifier("email", "$.email").identifier("phone", "$.phone");
        server.published(&source, "leads", spec).await;
        server.destination(&tenant, "hook", &sink).await;
        let url = platforms.url();
        let settings = json!({"dataset_id": ACCOUNT, "base_url": url, "test_message_code": "TEST7"});
        connect(&server, &tenant, "meta", &settings, ("access_token", CREDENTIAL)).await;
        let hook = format!("{url}/services/T1/B1/{CREDENTIAL}");
        connect(&server, &tenant, "slack", &json!({"text": "{{ $.data.name }}"}), ("webhook_url", &hook))
            .await;
        let set = ask(&server, "tenants", &["tests", "acme", "--email", "qa@*", "--path", "$.mode=test*"]);
        assert_eq!(set[0]["testRules"].as_array().map(Vec::len), Some(2), "{set:?}");

        let live = server.post(&source, lead("ann@example.com", "live")).await.accepted();
        let by_address = server.post(&source, lead("QA@Agency.example", "live")).await.accepted();
        let by_value = server.post(&source, lead("bob@example.com", "Testing")).await.accepted();
        for message in [&live, &by_address, &by_value] {
            server.processed(message).await;
        }
        // Two for each test, three for what is none.
        server.delivered(&tenant, 7).await;
        let told = sink.received();
        let is_test = |message: &str| {
            let one = told.iter().find(|one| one.message() == message).expect("it came");
            one.body["data"]["test"] == true
        };
        assert_eq!([&live, &by_address, &by_value].map(|message| is_test(message)), [false, true, true]);
        let codes: Vec<Value> =
            platforms.calls("meta").into_iter().map(|call| call.body["test_event_code"].clone()).collect();
        assert_eq!(codes.iter().filter(|code| **code == json!("TEST7")).count(), 2, "{codes:?}");
        assert_eq!(codes.iter().filter(|code| code.is_null()).count(), 1, "{codes:?}");
        assert_eq!(platforms.calls("slack").len(), 1);

        let trace = server.trace(&by_address).await;
        assert!(trace.message.expect("its line").test);
        let event = trace.runs[0].events[0].event.clone().expect("an event");
        assert!(event.test && event.withheld_destinations[0].text.contains("is a test"), "{event:?}");
        let found = ask(&server, "logs", &["source", "forms", "--limit", "9"]);
        assert_eq!(found.iter().filter(|one| one["test"] == true).count(), 2);
        let request = QueryStatsRequest { parent: tenant.name.clone(), ..Default::default() };
        let total = server.api().stats().query_stats(request).await.expect("stats").into_inner().total;
        let total = total.expect("the total");
        let counted = (total.received_message_count, total.test_message_count, total.event_count);
        assert_eq!((counted, total.delivered_count), ((1, 2, 1), 3));

        // Of what was delivered to Meta one counts, which had two of its signals.
        let quality = ask(&server, "destinations", &["quality", "meta"]).remove(0);
        assert_eq!(quality["total"]["deliveryCount"], "1", "{quality}");
        assert_eq!(quality["total"]["averageScore"], 42.0, "{quality}");
        assert_eq!(quality["total"]["signals"][0]["name"], "fbc");

        // A destination is tried without a message.
        let dry = ask(&server, "destinations", &["test", "meta", "--name", "Purchase"]).remove(0);
        assert!(dry.get("answer").is_none() && !dry.to_string().contains(CREDENTIAL), "{dry}");
        assert_eq!(
            (&dry["event"]["eventName"], &dry["delivery"]["passes"]),
            (&json!("Purchase"), &json!(true))
        );
        let before = platforms.calls("meta").len();
        let name = dry["delivery"]["destination"].as_str().expect("a name").to_owned();
        let request = TestDestinationRequest { name, send: true, ..Default::default() };
        let tested = server.api().destinations().test_destination(request).await.expect("it is tested");
        let answer = tested.into_inner().answer.expect("an answer");
        assert_eq!((answer.outcome.as_str(), answer.meaning.as_str()), ("DELIVERED", ""), "{answer:?}");
        assert!(!server.log().contains(CREDENTIAL));
        let call = eventually("it was sent", async || {
            let calls = platforms.calls("meta");
            (calls.len() > before).then(|| calls.last().expect("one").clone())
        })
        .await;
        assert!(call.wrong.is_empty() && call.body["test_event_code"] == "TEST7", "{call:?}");
    }
}
