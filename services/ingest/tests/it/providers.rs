//! What the door does for some providers only: forms, questions, signed URLs.

use tributary_domain::time::Timestamp;
use tributary_ingest::DoorLimits;
use tributary_telemetry::Metrics;

use crate::support::{
    FORM, GITHUB, HUBSPOT, House, KEY, LIMIT, META, NOW, OPEN, WOOCOMMERCE, request, signed,
};

const URLENCODED: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

async fn ask(house: &House, secret: &str, query: &str) -> crate::support::Answer {
    house.send(&request("GET", &format!("/in/{secret}{query}"), &[], b"")).await
}

#[tokio::test]
async fn a_form_is_kept_as_json() {
    let house = House::open().await;
    let answer = house.post(FORM, &[URLENCODED], b"email=a%40b.c&topics%5B%5D=x&topics%5B%5D=y").await;
    assert_eq!(answer.status, 202, "{answer:?}");
    let multipart = ("content-type", "multipart/form-data; boundary=b");
    let body = b"--b\r\ncontent-disposition: form-data; name=\"email\"\r\n\r\na@b.c\r\n--b--\r\n";
    assert_eq!(house.post(FORM, &[multipart], body).await.status, 202);
    let json = [("content-type", "application/json")];
    assert_eq!(house.post(FORM, &json, br#"{"email": "a@b.c"}"#).await.status, 202);
    let bodies: Vec<_> = house.messages().await.into_iter().map(|message| message.body).collect();
    assert_eq!(
        bodies,
        [&br#"{"email":"a@b.c","topics":["x","y"]}"#[..], br#"{"email":"a@b.c"}"#, br#"{"email": "a@b.c"}"#,]
    );
}

#[tokio::test]
async fn what_is_no_form_is_refused_and_kept_as_it_came() {
    let house = House::open().await;
    let multipart = ("content-type", "multipart/form-data; boundary=b");
    house.post(FORM, &[multipart], b"email=a").await.is_problem(422, "FORM_MALFORMED");
    let many = "a=1&".repeat(1_001);
    house.post(FORM, &[URLENCODED], many.as_bytes()).await.is_problem(422, "FORM_TOO_LARGE");
    house.post(FORM, &[URLENCODED], b"a=%00").await.is_problem(422, "JSON_NUL_CHARACTER");
    // Each control character takes one byte here and six in JSON.
    let growing = [b"a=", "\u{1}".repeat(LIMIT / 4).as_bytes()].concat();
    house.post(FORM, &[URLENCODED], &growing).await.is_problem(413, "BODY_TOO_LARGE");
    // Others take no forms.
    house.post(OPEN, &[URLENCODED], b"a=1").await.is_problem(422, "JSON_UNEXPECTED_CHARACTER");
    assert_eq!(house.messages().await.len(), 0);
    let kept = house.close().await;
    let newest = kept.newest.lock().expect("whole");
    assert!(newest.iter().any(|request| request.body == b"email=a"), "{newest:?}");
}

#[tokio::test]
async fn a_form_in_json_takes_its_place_in_memory() {
    let limits = DoorLimits { bytes_in_flight: 100, ..DoorLimits::default() };
    let house = House::with(limits, Metrics::unread(), None).await;
    let body = [b"a=", "\u{1}".repeat(40).as_bytes()].concat();
    house.post(FORM, &[URLENCODED], &body).await.is_problem(503, "DOOR_FULL");
    assert_eq!(house.post(FORM, &[URLENCODED], b"a=1").await.status, 202);
}

#[tokio::test]
async fn json_in_a_form_is_signed_as_the_form_that_came() {
    let house = House::open().await;
    let body = b"payload=%7B%22action%22%3A%22opened%22%7D";
    let mut headers = signed("github", GITHUB, KEY, body, NOW);
    headers.push((URLENCODED.0.to_owned(), URLENCODED.1.to_owned()));
    headers.push(("x-github-event".to_owned(), "issues".to_owned()));
    let headers: Vec<(&str, &str)> =
        headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(house.post(GITHUB, &headers, body).await.status, 202);
    let message = house.messages().await.remove(0);
    assert_eq!(message.body, &br#"{"action":"opened"}"#[..]);
    assert!(
        message.signature_valid
            && message.headers.contains(&("x-github-event".to_owned(), "issues".to_owned()))
    );
}

#[tokio::test]
async fn a_question_is_answered_with_the_token_of_the_url_and_nothing_is_kept() {
    let house = House::open().await;
    let query =
        |token: &str| format!("?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token={token}");
    let answer = ask(&house, META, &query(META)).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "1158201444"));
    assert!(answer.head.contains("content-type: text/plain"), "{answer:?}");
    ask(&house, META, &query("nope")).await.is_problem(403, "CHALLENGE_REFUSED");
    ask(&house, META, "").await.is_problem(403, "CHALLENGE_REFUSED");
    // Of others nobody asks, and of what is not there nothing is told.
    for secret in [OPEN, FORM, "unknown"] {
        ask(&house, secret, &query(secret)).await.is_problem(405, "METHOD_NOT_ALLOWED");
    }
    assert_eq!(house.messages().await.len(), 0);
    let kept = house.close().await;
    let counts = kept.counts.lock().expect("whole");
    let refused: u64 =
        counts.iter().filter(|count| count.reason == "CHALLENGE_REFUSED").map(|count| count.count).sum();
    assert_eq!(refused, 2);
    assert!(kept.newest.lock().expect("whole").iter().all(|request| request.body.is_empty()));
}

#[tokio::test]
async fn the_ping_of_a_shop_is_answered_unsigned_and_is_no_message() {
    let house = House::open().await;
    let answer = house.post(WOOCOMMERCE, &[URLENCODED], b"webhook_id=12").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, ""));
    house.post(WOOCOMMERCE, &[URLENCODED], b"webhook_id=12&x=1").await.is_problem(401, "SIGNATURE_MISSING");
    assert_eq!(house.messages().await.len(), 0);
}

#[tokio::test]
async fn a_url_is_signed_as_it_is_reached_from_outside() {
    let house = House::open().await;
    let body = br#"[{"eventId":1,"subscriptionType":"contact.creation","objectId":7}]"#;
    let post = async |path: &str, at: Timestamp| {
        let signed = signed("hubspot", path, KEY, body, at);
        let headers: Vec<(&str, &str)> =
            signed.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        house.send(&request("POST", &format!("/in/{path}"), &headers, body)).await
    };
    assert_eq!(post(HUBSPOT, NOW).await.status, 202);
    assert_eq!(post(&format!("{HUBSPOT}?a=b%3Ac"), NOW).await.status, 202);
    let late = Timestamp::from_seconds(NOW.seconds() - 301);
    post(HUBSPOT, late).await.is_problem(401, "SIGNATURE_OUTSIDE_TOLERANCE");
    assert_eq!(house.messages().await.len(), 2);
}
