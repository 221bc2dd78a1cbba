//! What the door refuses: each with its documented answer, the same on both databases, and nothing else disturbed.

use serde_json::json;
use tributary_proto::admin::v1::run_status::Code;
use tributary_tests::{
    Booking, Server, ServerBuilder, Source, calendly_signature, cluid, databases, eventually, now_seconds,
    raw_post,
};

/// What `body` is answered with when it is posted with a right signature.
async fn signed(server: &Server, source: &Source, headers: &[(&str, &str)], body: &[u8]) -> (u16, String) {
    let signature = calendly_signature(source.key.as_deref().unwrap(), now_seconds(), body);
    let mut all = vec![("calendly-webhook-signature", signature.as_str())];
    all.extend(headers);
    raw_post(server.http(), &source.path, &all, body).await.refused()
}

#[tokio::test]
async fn every_hostile_webhook_has_its_answer_on_both_databases_and_disturbs_nothing() {
    for database in databases() {
        println!("on {}", database.kind());
        let server = ServerBuilder::on(database).start().await;
        let (_, source, _) = server.bookings().await;

        let deep = "[".repeat(100_000);
        let large = vec![b' '; 10 << 20];
        let many = format!("[{}1]", "1,".repeat(100_001));
        let cases: [(&str, &[u8], (u16, &str)); 12] = [
            ("10 MB", &large, (413, "BODY_TOO_LARGE")),
            ("empty", b"", (422, "JSON_UNEXPECTED_END")),
            ("cut off", br#"{"event": "#, (422, "JSON_UNEXPECTED_END")),
            ("no JSON", b"<xml/>", (422, "JSON_UNEXPECTED_CHARACTER")),
            ("two values", b"{} {}", (422, "JSON_TRAILING_CHARACTERS")),
            ("100,000 levels", deep.as_bytes(), (422, "JSON_TOO_DEEP")),
            ("NUL", br#"{"name": "a\u0000b"}"#, (422, "JSON_NUL_CHARACTER")),
            ("a lone surrogate", br#"{"name": "\ud83d"}"#, (422, "JSON_LONE_SURROGATE")),
            ("a lone low surrogate", br#"{"name": "\ude00\ud83d"}"#, (422, "JSON_LONE_SURROGATE")),
            ("no UTF-8", b"{\"name\": \"\xff\"}", (422, "JSON_INVALID_UTF8")),
            ("a long number", &[b'9'; 100_000], (422, "JSON_NUMBER_TOO_LONG")),
            ("many values", many.as_bytes(), (422, "JSON_TOO_MANY_VALUES")),
        ];
        for (number, (what, body, expected)) in (0..).zip(cases) {
            let (status, reason) = signed(&server, &source, &[], body).await;
            assert_eq!((status, reason.as_str()), expected, "{what}");
            let booking = Booking::new(number).email("ada@example.com").cluid(&cluid(1));
            let good = server.post(&source, booking.body()).await.accepted();
            let run = server.run(&good).await;
            assert_eq!(run.status.unwrap().code(), Code::Succeeded, "the next one after: {what}");
        }
        let gzip = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
        let answer = signed(&server, &source, &[("content-encoding", "gzip")], &gzip).await;
        assert_eq!(answer, (415, "CONTENT_ENCODED".to_owned()));
        assert_eq!(server.messages(&source).await.len(), cases.len(), "only the good ones are there");
        assert_eq!(refused_for(&server, &source, "JSON_NUL_CHARACTER").await, 1);
    }
}

/// How many requests a source refused for `reason`, once it is written.
async fn refused_for(server: &Server, source: &Source, reason: &str) -> i64 {
    eventually("the refusals are written", async || {
        let refused = server.rejected(source).await;
        refused.counts.iter().find(|count| count.reason == reason).map(|count| count.count)
    })
    .await
}

#[tokio::test]
async fn a_signature_has_to_be_right_in_time_and_for_this_source() {
    let server = Server::start().await;
    let tenant = server.tenant("acme").await;
    let source = server.calendly(&tenant, "calendly").await;
    let other = server.source(&tenant, "other", "calendly", &json!({}), Some("another-key")).await;
    let patient =
        server.source(&tenant, "patient", "calendly", &json!({"tolerance_seconds": 600}), Some("key")).await;
    let body = Booking::new(1).email("ada@example.com").body();
    let key = source.key.clone().unwrap();
    let at = |key: &str, seconds| calendly_signature(key, now_seconds() + seconds, &body);
    let post = async |source: &Source, signature: &str| {
        server.post_with(source, &[("calendly-webhook-signature", signature)], body.clone()).await
    };
    let refused = async |source, signature: &str| post(source, signature).await.refused();
    let outside = (401, "SIGNATURE_OUTSIDE_TOLERANCE".to_owned());
    let mismatch = (401, "SIGNATURE_MISMATCH".to_owned());

    assert_eq!(
        server.post_with(&source, &[], body.clone()).await.refused(),
        (401, "SIGNATURE_MISSING".to_owned())
    );
    assert_eq!(refused(&source, "v1=zz").await, (401, "SIGNATURE_MALFORMED".to_owned()));
    assert_eq!(refused(&source, &at("wrong", 0)).await, mismatch);
    assert_eq!(refused(&other, &at(&key, 0)).await, mismatch, "another source's key");
    assert_eq!(refused(&source, &at(&key, -240)).await, outside, "older than three minutes");
    assert_eq!(refused(&source, &at(&key, 240)).await, outside, "of the future");
    let of_other_body = calendly_signature(&key, now_seconds(), b"{}");
    assert_eq!(refused(&source, &of_other_body).await, mismatch);
    post(&source, &at(&key, -120)).await.accepted();
    post(&patient, &at("key", -540)).await.accepted();
    assert_eq!(refused(&patient, &at("key", -660)).await, outside, "the tolerance is a setting");

    let unknown = Source { path: "/in/whs_nobody".to_owned(), ..source.clone() };
    let (status, reason) = server.post(&unknown, body.clone()).await.refused();
    assert_eq!((status, reason.as_str()), (404, "SOURCE_UNKNOWN"));
    assert_eq!(refused_for(&server, &source, "SIGNATURE_MISSING").await, 1);
}

#[tokio::test]
async fn a_refused_request_is_kept_without_what_proves_who_sent_it() {
    let server = Server::start().await;
    let tenant = server.tenant("acme").await;
    let source = server.calendly(&tenant, "calendly").await;
    let signature = calendly_signature("wrong", now_seconds(), b"{}");
    server.post_with(&source, &[("calendly-webhook-signature", &signature)], "{}").await.refused();
    let kept = eventually("the refusal is written", async || {
        server.rejected(&source).await.rejected_requests.into_iter().next()
    });
    let kept = kept.await;
    assert_eq!((kept.reason.as_str(), kept.http_status), ("SIGNATURE_MISMATCH", 401));
    assert_eq!(kept.body, b"{}");
    assert!(!format!("{:?}", kept.headers).contains(&signature), "{:?}", kept.headers);
}
