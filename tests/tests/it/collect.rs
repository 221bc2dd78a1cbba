//! What pages send goes the way of webhooks, and what follows on other ways knows the browser.

use serde_json::{Value, json};
use tributary_proto::admin::v1::run_status;
use tributary_tests::{
    Answer, Booking, Database, Received, Server, ServerBuilder, Sink, Source, Tenant, cluid, databases,
    eventually,
};

const SITE: &str = "https://shop.example";
pub(crate) const BROWSER: &str =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/141.0.0.0 Safari/537.36";
pub(crate) const VISITOR: &str = "203.0.113.9";

/// A tenant with a tag on its site, whose presets are published, a Calendly source, and a receiver.
pub(crate) struct Scene {
    pub(crate) server: Server,
    pub(crate) tenant: Tenant,
    tag: Source,
    pub(crate) bookings: Source,
    sink: Sink,
}

impl Scene {
    pub(crate) async fn on(database: Database) -> Self {
        println!("on {}", database.kind());
        let builder =
            ServerBuilder::on(database).set("TRIBUTARY_HTTP__TRUSTED_PROXIES", r#"["127.0.0.0/8"]"#);
        let server = builder.start().await;
        let tenant = server.tenant("acme").await;
        let script = json!({ "name": "mine", "code": "go()" });
        let settings = json!({ "origins": [SITE], "scripts": [script] });
        let tag = server.source(&tenant, "site", "tag", &settings, None).await;
        for key in ["browser_page", "browser_track", "browser_identify"] {
            server.published(&tag, key, server.preset_spec("tag", key).await).await;
        }
        let bookings = server.calendly(&tenant, "calendly").await;
        server.preset(&bookings, "bookings").await;
        let sink = Sink::start().await;
        server.destination(&tenant, "crm", &sink).await;
        Self { server, tenant, tag, bookings, sink }
    }

    async fn send(&self, items: &[Value]) -> Answer {
        let headers = [("origin", SITE), ("user-agent", BROWSER), ("x-forwarded-for", VISITOR)];
        self.server.post_with(&self.tag, &headers, json!({ "batch": items }).to_string()).await
    }

    /// The messages that a batch became, once they are processed.
    pub(crate) async fn taken(&self, items: &[Value]) -> Vec<String> {
        let answer = self.send(items).await;
        assert_eq!(answer.status.as_u16(), 202, "{answer:?}");
        let ids = answer.json()["message_ids"].as_array().expect("ids").clone();
        let ids: Vec<String> = ids.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        self.server.all_processed(&ids).await;
        ids
    }
}

fn page(id: &str) -> Value {
    json!({
        "type": "page", "id": id, "cluid": cluid(1),
        "context": {
            "page": { "url": "https://shop.example/book", "referrer": "https://www.example.com/" },
            "landing": "https://shop.example/?fbclid=F",
            "campaign": { "utm_source": "facebook" },
            "clicks": { "fbclid": "F", "gclid": "G" },
            "fbp": "fb.1.1.2", "fbc": "fb.1.1.F",
        },
    })
}

/// The event of this name among those that were received.
fn named<'a>(received: &'a [Received], name: &str) -> &'a Value {
    let found = received.iter().find(|one| one.body["data"]["name"] == name);
    &found.unwrap_or_else(|| panic!("no {name}")).body["data"]
}

#[tokio::test]
async fn a_booking_leaves_with_the_context_of_the_browser_that_the_visitor_came_with() {
    for database in databases() {
        let scene = Scene::on(database).await;
        let bought = json!({
            "type": "track", "id": "b", "cluid": cluid(1), "name": "Purchase",
            "properties": { "value": 12.5, "currency": "EUR" },
        });
        assert_eq!(scene.taken(&[page("a"), bought]).await.len(), 2);
        let booking = Booking::new(1).email("ann@example.com").cluid(&cluid(1)).body();
        let message = scene.server.post(&scene.bookings, booking).await.accepted();
        scene.server.processed(&message).await;

        let received = scene.sink.wait_for(3).await;
        let context = json!({
            "url": "https://shop.example/book", "referrer": "https://www.example.com/",
            "landing_page": "https://shop.example/?fbclid=F", "utm_source": "facebook",
            "fbclid": "F", "gclid": "G", "fbp": "fb.1.1.2", "fbc": "fb.1.1.F",
            "ip": VISITOR, "user_agent": BROWSER,
        });
        for name in ["PageView", "Purchase", "Schedule"] {
            assert_eq!(named(&received, name)["context"], context, "{name}");
        }
        let bought = &named(&received, "Purchase")["attributes"];
        assert_eq!((&bought["value"], &bought["currency"]), (&json!(12.5), &json!("EUR")));
        let profile = &named(&received, "Schedule")["profile_id"];
        assert_eq!(
            &named(&received, "PageView")["profile_id"],
            profile,
            "the visitor and who booked are one"
        );
    }
}

#[tokio::test]
async fn an_item_that_comes_again_counts_once_and_one_person_is_one() {
    for database in databases() {
        let scene = Scene::on(database).await;
        let told = json!({
            "type": "identify", "id": "c", "cluid": cluid(1), "consents": { "ads": true },
            "traits": { "email": "Ann@example.com", "first_name": "Ann" },
        });
        let first = scene.taken(&[page("a"), told.clone()]).await;
        let again = scene.taken(&[page("a"), told]).await;
        assert_eq!((first.len(), again.len()), (2, 2));
        for message in &again {
            let message = scene.server.message(message).await.expect("it is there");
            assert_eq!(message.status.expect("a status").code(), run_status::Code::Duplicate);
        }
        let events = scene.server.events(&scene.tenant).await;
        assert_eq!(events.len(), 2, "a page view, and who it was");
        let person = scene.server.lookup(&scene.tenant, "email", "ann@example.com").await.expect("a person");
        let visitor = scene.server.lookup(&scene.tenant, "cluid", &cluid(1)).await.expect("the visitor");
        assert_eq!(person.name, visitor.name);
    }
}

#[tokio::test]
async fn a_script_that_failed_is_told_to_its_owner() {
    let server = Scene::on(Database::sqlite()).await;
    let failed = json!({
        "type": "error", "id": "e", "name": "mine", "hash": "0".repeat(64), "message": "go is not defined",
    });
    assert!(server.taken(&[failed]).await.is_empty());
    let kept = eventually("the failure is written", async || {
        let told = server.server.rejected(&server.tag).await;
        told.rejected_requests.into_iter().next()
    });
    let kept = kept.await;
    assert_eq!(kept.reason, "SCRIPT_FAILED");
    assert!(kept.detail.contains("`mine`") && kept.detail.ends_with("go is not defined"), "{}", kept.detail);
}

#[tokio::test]
async fn the_example_of_the_documentation_becomes_what_it_says() {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/collect.md");
    let text = std::fs::read_to_string(file).expect("the page");
    let example =
        text.split("```json\n").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
    let scene = Scene::on(Database::sqlite()).await;
    let headers = [("origin", SITE), ("user-agent", BROWSER), ("x-forwarded-for", VISITOR)];
    let answer = scene.server.post_with(&scene.tag, &headers, example.to_owned()).await;
    assert_eq!(answer.status.as_u16(), 202, "{answer:?}");
    let id = answer.json()["message_ids"][0].as_str().expect("an id").to_owned();
    scene.server.processed(&id).await;
    let bought = scene.sink.wait_for(1).await.remove(0).body["data"].clone();
    let attributes = &bought["attributes"];
    assert_eq!(bought["name"], "Purchase");
    assert_eq!((&attributes["value"], &attributes["currency"]), (&json!(12.5), &json!("EUR")));
    let context = &bought["context"];
    assert_eq!(
        (&context["gclid"], &context["fbp"]),
        (&json!("abc"), &json!("fb.1.1773151350512.1234567890"))
    );
    assert_eq!((&context["utm_source"], &context["ip"]), (&json!("google"), &json!(VISITOR)));
    let visitor = serde_json::from_str::<Value>(example).expect("JSON")["batch"][0]["cluid"].clone();
    let visitor = visitor.as_str().expect("the visitor's id");
    assert!(scene.server.lookup(&scene.tenant, "cluid", visitor).await.is_some());
}
