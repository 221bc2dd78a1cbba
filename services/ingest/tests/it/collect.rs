//! What pages send, over a real socket.

use serde_json::{Value, json};
use tributary_domain::id::TenantId;
use tributary_ingest::DoorLimits;
use tributary_telemetry::Metrics;

use crate::support::{Answer, House, KEYED, NOW, OPEN, ORIGIN, PAGE, request};

const CLUID: &str = "trb_01h8xkq7v2m3n4p5r6s7t8v9w0";
const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/141.0.0.0 Safari/537.36";

fn page(id: &str) -> Value {
    json!({ "type": "page", "id": id, "cluid": CLUID, "context": { "page": { "url": "https://shop.example/" } } })
}

async fn send(house: &House, headers: &[(&str, &str)], body: &Value) -> Answer {
    send_to(house, PAGE, headers, body).await
}

async fn send_to(house: &House, key: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
    let mut all = vec![("origin", ORIGIN), ("user-agent", BROWSER), ("content-type", "text/plain")];
    all.retain(|(name, _)| headers.iter().all(|(other, _)| name != other));
    all.extend(headers.iter().filter(|(_, value)| !value.is_empty()));
    house.send(&request("POST", &format!("/collect/{key}"), &all, body.to_string().as_bytes())).await
}

fn batch(items: &[Value]) -> Value {
    json!({ "batch": items })
}

#[tokio::test]
async fn what_is_answered_202_is_durable_each_item_a_message_in_order() {
    let house = House::open().await;
    let items: Vec<Value> = (0..50).map(|number| page(&format!("item-{number}"))).collect();
    let answer = send(&house, &[("x-forwarded-for", "203.0.113.9")], &batch(&items)).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    let ids = answer.json()["message_ids"].clone();
    let messages = house.messages().await;
    assert_eq!(messages.len(), 50);
    let found: Vec<String> = messages.iter().map(|message| message.message.to_string()).collect();
    assert_eq!(ids, json!(found));
    assert!(found.is_sorted(), "their ids keep the order of the batch");
    for (number, message) in messages.iter().enumerate() {
        let body: Value = serde_json::from_slice(&message.body).expect("JSON");
        assert_eq!(body["id"], json!(format!("item-{number}")));
        assert_eq!(body["at"], json!(NOW.to_string()));
        assert_eq!(
            (&body["context"]["ip"], &body["context"]["user_agent"]),
            (&json!("203.0.113.9"), &json!(BROWSER))
        );
        assert_eq!(message.headers, [("origin".to_owned(), ORIGIN.to_owned())]);
        assert_eq!((message.received, message.signature_valid), (NOW, false));
    }
}

#[tokio::test]
async fn only_pages_of_its_own_sites_send_and_read() {
    let house = House::open().await;
    let body = batch(&[page("a")]);
    let allowed = format!("access-control-allow-origin: {ORIGIN}");
    let taken = send(&house, &[], &body).await;
    assert_eq!(taken.status, 202);
    assert!(taken.head.contains(&allowed) && taken.head.contains("access-control-allow-credentials: true"));
    assert!(taken.head.contains("vary: origin"), "{taken:?}");
    for origin in
        ["", "null", "https://shop.example.evil.example", "http://shop.example", "https://www.shop.example"]
    {
        let refused = send(&house, &[("origin", origin)], &body).await;
        refused.is_problem(403, "ORIGIN_REFUSED");
        assert!(!refused.head.contains("access-control"), "{refused:?}");
    }
    let wrong = send(&house, &[], &json!({})).await;
    wrong.is_problem(422, "BATCH_MALFORMED");
    assert!(wrong.head.contains(&allowed), "a page reads why: {wrong:?}");

    let ask = |origin: &'static str, key: &str| {
        let headers = [("origin", origin), ("access-control-request-method", "POST")];
        request("OPTIONS", &format!("/collect/{key}"), &headers, b"")
    };
    let answer = house.send(&ask(ORIGIN, PAGE)).await;
    assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    assert!(
        answer.head.contains(&allowed) && answer.head.contains("access-control-allow-headers: content-type")
    );
    house.send(&ask("https://evil.example", PAGE)).await.is_problem(403, "ORIGIN_REFUSED");
    house.send(&ask(ORIGIN, "wrong")).await.is_problem(404, "SOURCE_UNKNOWN");
    assert_eq!(house.messages().await.len(), 1);
    let kept = house.close().await;
    let kept = kept.newest.lock().expect("whole");
    assert!(
        kept.iter().any(|refused| {
            refused.headers.contains(&("origin".to_owned(), "https://www.shop.example".to_owned()))
        }),
        "its owner sees which site it was"
    );
}

#[tokio::test]
async fn a_key_that_pages_show_opens_nothing_else_and_secrets_open_no_page() {
    let house = House::open().await;
    house.post(PAGE, &[], b"{}").await.is_problem(404, "SOURCE_UNKNOWN");
    send_to(&house, OPEN, &[], &batch(&[page("a")])).await.is_problem(404, "SOURCE_UNKNOWN");
    let answer = house.send(&request("GET", &format!("/collect/{PAGE}"), &[], b"")).await;
    answer.is_problem(405, "METHOD_NOT_ALLOWED");
    assert!(house.messages().await.is_empty());
}

#[tokio::test]
async fn a_visitor_who_may_be_remembered_gets_a_cookie() {
    let house = House::open().await;
    let item = |consents: Value| json!({ "type": "page", "id": "a", "cluid": CLUID, "consents": consents });
    let given = send(&house, &[("host", "t.shop.example")], &batch(&[item(json!({ "ads": true }))])).await;
    let cookie = "set-cookie: _trb_cluid=trb_01h8xkq7v2m3n4p5r6s7t8v9w0; path=/; max-age=34560000; samesite=lax; \
                  domain=shop.example; secure";
    assert!(given.head.contains(cookie), "{given:?}");
    let unsaid = send(&house, &[("host", "t.shop.example")], &batch(&[item(Value::Null)])).await;
    let elsewhere = send(&house, &[], &batch(&[item(json!({ "ads": true }))])).await;
    for answer in [unsaid, elsewhere] {
        assert_eq!(answer.status, 202);
        assert!(!answer.head.contains("set-cookie"), "{answer:?}");
    }
}

#[tokio::test]
async fn programs_and_failures_are_counted_and_make_no_messages() {
    let house = House::open().await;
    let bot = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";
    let ignored = send(&house, &[("user-agent", bot)], &batch(&[page("a")])).await;
    assert_eq!((ignored.status, ignored.json()), (202, json!({ "message_ids": [] })));
    let failed =
        json!({ "type": "error", "id": "e", "name": KEYED, "hash": "0".repeat(64), "message": "x is null" });
    for _ in 0..3 {
        assert_eq!(
            send(&house, &[], &batch(std::slice::from_ref(&failed))).await.json(),
            json!({ "message_ids": [] })
        );
    }
    assert!(house.messages().await.is_empty());
    let kept = house.close().await;
    let mut counts: Vec<(String, u64)> =
        kept.counts.lock().expect("whole").iter().map(|count| (count.reason.clone(), count.count)).collect();
    counts.sort();
    let sum =
        |reason: &str| counts.iter().filter(|(of, _)| of == reason).map(|(_, count)| count).sum::<u64>();
    assert_eq!((sum("BOT_IGNORED"), sum("SCRIPT_FAILED")), (1, 3));
    let newest = kept.newest.lock().expect("whole");
    let [record] = newest.as_slice() else { panic!("one is kept: {newest:?}") };
    assert_eq!(record.reason, "SCRIPT_FAILED");
    assert_eq!(record.detail, format!("`{KEYED}` (000000000000) on {ORIGIN}: x is null"));
}

#[tokio::test]
async fn a_batch_is_small() {
    let house = House::open().await;
    let large =
        json!({ "type": "track", "id": "a", "name": "x", "properties": { "text": "x".repeat(64 * 1024) } });
    send(&house, &[], &batch(&[large])).await.is_problem(413, "BODY_TOO_LARGE");
    send(&house, &[], &batch(&vec![page("a"); 51])).await.is_problem(422, "BATCH_MALFORMED");
    let encoded = send(&house, &[("content-encoding", "gzip")], &batch(&[page("a")])).await;
    encoded.is_problem(415, "CONTENT_ENCODED");
    assert!(house.messages().await.is_empty());
}

#[tokio::test]
async fn one_address_cannot_use_up_what_all_have() {
    let limits = DoorLimits { address_rate: 1, ..DoorLimits::default() };
    let house = House::with(limits, Metrics::unread(), None).await;
    let from = async |address: &'static str| {
        send(&house, &[("x-forwarded-for", address)], &batch(&[page("a")])).await
    };
    let mut taken = 0;
    let mut answer = from("203.0.113.9").await;
    while answer.status == 202 && taken < 20 {
        taken += 1;
        answer = from("203.0.113.9").await;
    }
    let refused = answer;
    assert!((5..20).contains(&taken), "{taken}");
    refused.is_problem(429, "ADDRESS_RATE_EXCEEDED");
    assert!(refused.head.contains("retry-after: 1"), "{refused:?}");
    assert!(refused.head.contains("access-control-expose-headers: retry-after"), "{refused:?}");
    // One in 4,096 shares its place.
    let (one, other) = (from("198.51.100.1").await, from("198.51.100.2").await);
    assert!(one.status == 202 || other.status == 202);
}

#[tokio::test]
async fn what_everybody_may_ask_uses_up_nothing_of_the_tenants() {
    let limits = DoorLimits { address_rate: 1, ..DoorLimits::default() };
    let house = House::with(limits, Metrics::unread(), None).await;
    house.sources.gate(TenantId::new(1, 1)).set_rate(1, 2);
    let bot = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";
    for address in ["203.0.113.1", "203.0.113.2", "203.0.113.3"] {
        let get = house.send(&request("GET", &format!("/in/{PAGE}"), &[], b"")).await;
        get.is_problem(405, "METHOD_NOT_ALLOWED");
        let headers = [("user-agent", bot), ("x-forwarded-for", address)];
        assert_eq!(send(&house, &headers, &batch(&[page("a")])).await.status, 202);
    }
    // Nobody may fill the owner's list of what was refused.
    let mut refused = 0;
    for _ in 0..20 {
        let headers = [("origin", "https://evil.example"), ("x-forwarded-for", "198.51.100.1")];
        let answer = send(&house, &headers, &batch(&[page("a")])).await;
        refused += u32::from(answer.json()["reason"] == "ORIGIN_REFUSED");
    }
    assert!((1..20).contains(&refused), "{refused}");
    for _ in 0..2 {
        assert_eq!(house.post(OPEN, &[], b"{}").await.status, 202);
    }
}
