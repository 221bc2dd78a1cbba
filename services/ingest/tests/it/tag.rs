//! The tag, as browsers fetch it.

use std::io::Read;

use flate2::read::GzDecoder;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{Answer, DELETED, House, OPEN, SCRIPT, TAG, request};

async fn get(house: &House, path: &str, headers: &[(&str, &str)]) -> Answer {
    house.send(&request("GET", path, headers, b"")).await
}

fn tag() -> String {
    format!("/tag/{TAG}.js")
}

/// The version that an answer names.
#[track_caller]
fn version(answer: &Answer) -> String {
    let (_, after) = answer.head.split_once("etag: w/\"").unwrap_or_else(|| panic!("no version: {answer:?}"));
    after.split('"').next().expect("its end").to_owned()
}

#[tokio::test]
async fn a_page_gets_the_tag_with_what_its_owner_set() {
    let house = House::open().await;
    let answer = get(&house, &tag(), &[]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    for header in [
        "content-type: text/javascript; charset=utf-8",
        "cache-control: public, max-age=300, stale-while-revalidate=86400",
        "vary: accept-encoding",
        "access-control-allow-origin: *",
        "cross-origin-resource-policy: cross-origin",
        "x-content-type-options: nosniff",
    ] {
        assert!(answer.head.contains(header), "no `{header}`: {}", answer.head);
    }
    assert!(!answer.head.contains("set-cookie"), "what is kept by caches names nobody");
    assert!(answer.body.starts_with("//# allFunctionsCalledOnLoad\n(function("), "{}", answer.body);
    let told = format!(r#"(...["{TAG}","shop.example",true,[[["calendly.com"],"utm_term",""]],[["mine",""#);
    assert!(answer.body.contains(&told) && !answer.body.contains("resting"), "{}", answer.body);
}

#[tokio::test]
async fn it_is_packed_for_who_takes_it_packed() {
    let house = House::open().await;
    let plain = get(&house, &tag(), &[]).await.body;
    let mut stream = TcpStream::connect(house.address).await.unwrap();
    stream.write_all(&request("GET", &tag(), &[("accept-encoding", "gzip, br")], b"")).await.unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
    assert!(String::from_utf8_lossy(&bytes[..end]).contains("content-encoding: gzip"));
    let mut text = String::new();
    GzDecoder::new(&bytes[end + 4..]).read_to_string(&mut text).expect("a gzip file");
    assert_eq!(text, plain);
}

#[tokio::test]
async fn what_a_browser_has_is_not_sent_again() {
    let house = House::open().await;
    let version = version(&get(&house, &tag(), &[]).await);
    let again = get(&house, &tag(), &[("if-none-match", &format!("W/\"{version}\""))]).await;
    assert_eq!((again.status, again.body.as_str()), (304, ""));
    assert!(again.head.contains("cache-control: public, max-age=300"), "{}", again.head);
    assert_eq!(get(&house, &tag(), &[("if-none-match", "W/\"older\"")]).await.status, 200);
    let head = house.send(&request("HEAD", &tag(), &[], b"")).await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
}

#[tokio::test]
async fn a_version_may_be_kept_for_ever_while_it_is_the_newest() {
    let house = House::open().await;
    let newest = get(&house, &tag(), &[]).await;
    let pinned = get(&house, &format!("/tag/{TAG}/{}.js", version(&newest)), &[]).await;
    assert_eq!((pinned.status, &pinned.body), (200, &newest.body));
    assert!(pinned.head.contains("cache-control: public, max-age=31536000, immutable"), "{}", pinned.head);
    let old = get(&house, &format!("/tag/{TAG}/0123456789abcdef.js"), &[]).await;
    assert_eq!((old.status, &old.body), (200, &newest.body), "an old page still has a tag");
    assert!(old.head.contains("max-age=300"), "{}", old.head);
}

#[tokio::test]
async fn a_script_is_served_under_its_hash_while_it_is_in_force() {
    let house = House::open().await;
    let answer = get(&house, &format!("/tag/{TAG}/{}.js", SCRIPT.1), &[]).await;
    let expected = format!("_trb.push([\"script\",\"{}\",function(){{\n{}\n}}]);\n", SCRIPT.1, SCRIPT.0);
    assert_eq!((answer.status, answer.body), (200, expected));
    assert!(answer.head.contains("immutable"), "{}", answer.head);
}

#[tokio::test]
async fn only_a_tag_has_a_tag() {
    let house = House::open().await;
    get(&house, &format!("/tag/{OPEN}.js"), &[]).await.is_problem(404, "SOURCE_UNKNOWN");
    get(&house, "/tag/wrong.js", &[]).await.is_problem(404, "SOURCE_UNKNOWN");
    get(&house, &format!("/tag/{DELETED}.js"), &[]).await.is_problem(404, "SOURCE_UNKNOWN");
    get(&house, &format!("/tag/{TAG}"), &[]).await.is_problem(404, "ROUTE_UNKNOWN");
    let posted = house.send(&request("POST", &tag(), &[], b"{}")).await;
    posted.is_problem(405, "METHOD_NOT_ALLOWED");
    assert!(posted.head.contains("allow: get, head"), "{}", posted.head);
    house.readiness.drain();
    get(&house, &tag(), &[]).await.is_problem(503, "NOT_SERVING");
}
