//! Each documented answer.

use tributary_domain::{id::MessageId, time::Timestamp};

use crate::support::{DELETED, EXPIRED, House, KEY, LIMIT, NOW, OPEN, SIGNED, request, signature};

const BODY: &[u8] = br#"{"event":"invitee.created"}"#;

#[tokio::test]
async fn what_is_answered_202_is_durable_byte_for_byte() {
    let house = House::open().await;
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let answer = house.post(OPEN, &[("traceparent", parent), ("user-agent", "sender/1")], BODY).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    let id: MessageId = answer.json()["message_id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
    let messages = house.messages().await;
    assert_eq!(messages.len(), 1);
    assert_eq!((messages[0].message, messages[0].received), (id, NOW));
    assert_eq!(messages[0].body, BODY);
    assert!(!messages[0].signature_valid);
    assert_eq!(messages[0].trace_parent.as_deref(), Some(parent));
    assert!(messages[0].headers.contains(&("user-agent".to_owned(), "sender/1".to_owned())));
}

#[tokio::test]
async fn without_a_traceparent_the_trace_is_the_message() {
    let house = House::open().await;
    assert_eq!(house.post(OPEN, &[("traceparent", "nonsense")], BODY).await.status, 202);
    let message = house.messages().await.remove(0);
    let parent = message.trace_parent.expect("made");
    assert!(parent.starts_with(&format!("00-{:032x}-", message.message.bits())), "{parent}");
}

#[tokio::test]
async fn a_signature_is_checked_once_there_is_a_key() {
    let house = House::open().await;
    let (name, value) = signature(KEY, BODY, NOW);
    assert_eq!(house.post(SIGNED, &[(&name, &value)], BODY).await.status, 202);
    assert!(house.messages().await[0].signature_valid);

    house.post(SIGNED, &[], BODY).await.is_problem(401, "SIGNATURE_MISSING");
    house.post(SIGNED, &[(&name, "t=now")], BODY).await.is_problem(401, "SIGNATURE_MALFORMED");
    house.post(SIGNED, &[(&name, &value)], b"{}").await.is_problem(401, "SIGNATURE_MISMATCH");
    house
        .post(SIGNED, &[(&name, &value), (&name, &value)], BODY)
        .await
        .is_problem(401, "SIGNATURE_MALFORMED");
    let (name, old) = signature(KEY, BODY, Timestamp::from_seconds(NOW.seconds() - 181));
    house.post(SIGNED, &[(&name, &old)], BODY).await.is_problem(401, "SIGNATURE_OUTSIDE_TOLERANCE");
    let (name, other) = signature("another key", BODY, NOW);
    house.post(SIGNED, &[(&name, &other)], BODY).await.is_problem(401, "SIGNATURE_MISMATCH");
    assert_eq!(house.messages().await.len(), 1);
}

#[tokio::test]
async fn a_url_that_opens_nothing_is_told_from_one_that_no_longer_does() {
    let house = House::open().await;
    house.post("wrong", &[], BODY).await.is_problem(404, "SOURCE_UNKNOWN");
    house.post(&OPEN.to_uppercase(), &[], BODY).await.is_problem(404, "SOURCE_UNKNOWN");
    house.post(DELETED, &[], BODY).await.is_problem(410, "SOURCE_DELETED");
    house.post(EXPIRED, &[], BODY).await.is_problem(410, "SECRET_EXPIRED");
    house.send(&request("POST", "/", &[], BODY)).await.is_problem(404, "ROUTE_UNKNOWN");
    house.send(&request("POST", "/in/", &[], BODY)).await.is_problem(404, "ROUTE_UNKNOWN");
}

#[tokio::test]
async fn only_post_is_known() {
    let house = House::open().await;
    for method in ["GET", "PUT", "DELETE", "OPTIONS"] {
        let answer = house.send(&request(method, &format!("/in/{OPEN}"), &[], b"")).await;
        answer.is_problem(405, "METHOD_NOT_ALLOWED");
        assert!(answer.head.contains("allow: post"), "{answer:?}");
    }
}

#[tokio::test]
async fn a_compressed_body_is_refused() {
    let house = House::open().await;
    for encoding in ["gzip", "br", "identity, gzip", ""] {
        house.post(OPEN, &[("content-encoding", encoding)], BODY).await.is_problem(415, "CONTENT_ENCODED");
    }
    assert_eq!(house.post(OPEN, &[("content-encoding", "Identity")], BODY).await.status, 202);
}

#[tokio::test]
async fn a_body_of_the_limit_is_taken_and_one_byte_more_refused() {
    let house = House::open().await;
    let body = format!("\"{}\"", "a".repeat(LIMIT - 2));
    assert_eq!(house.post(OPEN, &[], body.as_bytes()).await.status, 202);
    assert_eq!(house.messages().await[0].body, body.as_bytes());
    let body = format!("\"{}\"", "a".repeat(LIMIT - 1));
    house.post(OPEN, &[], body.as_bytes()).await.is_problem(413, "BODY_TOO_LARGE");
}

#[tokio::test]
async fn json_that_cannot_be_kept_is_refused_with_its_reason() {
    let house = House::open().await;
    let deep = "[".repeat(100_000);
    let number = "1".repeat(101);
    let key = format!("{{\"{}\":1}}", "k".repeat((1 << 16) + 1));
    let values = format!("[{}1]", "1,".repeat(100_000));
    for (body, reason) in [
        (&b"{\"a\":\"\xff\"}"[..], "JSON_INVALID_UTF8"),
        (b"\xef\xbb\xbf{}", "JSON_BYTE_ORDER_MARK"),
        (b"", "JSON_UNEXPECTED_END"),
        (b"{\"a\":", "JSON_UNEXPECTED_END"),
        (b"name=ann", "JSON_UNEXPECTED_CHARACTER"),
        (b"{} {}", "JSON_TRAILING_CHARACTERS"),
        (b"[1.]", "JSON_INVALID_NUMBER"),
        (number.as_bytes(), "JSON_NUMBER_TOO_LONG"),
        (b"1e999", "JSON_NUMBER_OUT_OF_RANGE"),
        (br#""\x""#, "JSON_INVALID_ESCAPE"),
        (b"\"a\nb\"", "JSON_CONTROL_CHARACTER"),
        (br#"{"a":"\u0000"}"#, "JSON_NUL_CHARACTER"),
        (br#"{"a":"\ud800"}"#, "JSON_LONE_SURROGATE"),
        (br#"{"a":"\ude00\ud83d"}"#, "JSON_LONE_SURROGATE"),
        (deep.as_bytes(), "JSON_TOO_DEEP"),
        (values.as_bytes(), "JSON_TOO_MANY_VALUES"),
        (key.as_bytes(), "JSON_KEY_TOO_LONG"),
    ] {
        house.post(OPEN, &[], body).await.is_problem(422, reason);
    }
    assert_eq!(house.messages().await, []);
}
