//! Providers are played to the real binary, from the scenarios that people play too: bookings that are moved in both orders
//! and given up, marks, duplicates, races, and deliveries that come again after they failed.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use serde_json::{Value, json};
use tributary_tests::{Database, Received, ServerBuilder, Sink, databases};

use crate::cli::ask;

/// A key that every provider takes.
const KEY: &str = "whsec_5d41402abc4b2a76b9719d911017c592";

/// How often a receiver was told what: each delivery once, whatever was repeated.
fn account(received: &[Received]) -> BTreeMap<(String, String), usize> {
    let mut seen = BTreeSet::new();
    let mut counts = BTreeMap::new();
    for one in received.iter().filter(|one| seen.insert(one.id().to_owned())) {
        assert_eq!(one.unsigned, None);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        *counts.entry((text(&one.body["type"]), text(&one.body["data"]["name"]))).or_default() += 1;
    }
    counts
}

async fn every_story(database: Database) {
    println!("on {}", database.kind());
    let server = ServerBuilder::on(database).start().await;
    let tenant = server.tenant("acme").await;
    let sink = Sink::start().await;
    server.destination(&tenant, "hook", &sink).await;

    let stories = ask(&server, "dev", &["--list"]);
    // What is made up goes to nobody who was not meant to have it.
    let mut refused = server.builder().command("dev");
    let refused = refused.arg("calendly_booking").output().expect("it starts");
    let why = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && why.contains("(hook)") && why.contains("--deliver"), "{why}");
    assert_eq!(ask(&server, "sources", &["list"]), Vec::<Value>::new(), "nothing was made");
    // The command fails when anything came of it that its scenario does not say.
    let told = ask(&server, "dev", &["all", "--deliver"]);
    let made: Vec<&Value> = told.iter().filter(|line| line["made"].is_object()).collect();
    assert_eq!(made.len(), stories.len());
    assert!(made.iter().all(|line| line["differences"] == json!([])), "{made:?}");
    let sent = told.iter().filter(|line| line["step"].is_number());
    assert!(sent.clone().count() > 60 && sent.clone().all(|line| line["expected"] == json!(true)));

    // Each story has one person of its own, whom the API knows too.
    let mut people = BTreeSet::new();
    for line in &made {
        assert_eq!(line["made"]["people"].as_array().map(Vec::len), Some(1), "{line}");
        people.insert(line["made"]["people"][0].as_str().expect("a name").to_owned());
        assert_eq!(line["made"]["deliveries"].get("waiting"), None, "{line}");
    }
    assert_eq!(people.len(), stories.len());
    let profiles = ask(&server, "profiles", &["list", "--limit", "100"]);
    let known: BTreeSet<String> =
        profiles.iter().map(|profile| profile["name"].as_str().expect("a name").to_owned()).collect();
    assert_eq!(known, people);
    assert_eq!(server.conflicts(&tenant).await, [], "nothing of one story is mistaken for another");

    let bookings =
        |state: &str| ask(&server, "conversions", &["list", "--state", state, "--limit", "100"]).len();
    assert_eq!(
        (bookings("booked"), bookings("rescheduled"), bookings("cancelled"), bookings("no-show")),
        (5, 2, 3, 1)
    );

    let counts = account(&sink.received());
    let of = |what: &str, name: &str| counts.get(&(what.to_owned(), name.to_owned())).copied().unwrap_or(0);
    assert_eq!(of("event.track", "Schedule"), 10, "one for each booking that was heard of first: {counts:?}");
    assert_eq!(of("conversion.restated", "Schedule"), 3, "the three that were moved: {counts:?}");
    assert_eq!(of("conversion.retracted", "Schedule"), 2, "those that were told and given up: {counts:?}");
    assert_eq!((of("event.track", "Purchase"), of("event.track", "Refund")), (3, 3), "{counts:?}");
    assert_eq!(of("event.track", "SubmitForm"), 3, "{counts:?}");
    let deliveries = server.deliveries(&tenant).await;
    assert!(deliveries.iter().all(|delivery| delivery.complete_time.is_some()));
    assert_eq!(counts.values().sum::<usize>(), deliveries.len(), "exactly what is due is sent");

    // The same source takes it again, with another URL and another key; everybody in it is somebody new.
    let again = ask(&server, "dev", &["calendly_moved", "hubspot_contacts", "--deliver"]);
    assert_eq!(again.iter().filter(|line| line["differences"] == json!([])).count(), 2, "{again:?}");
    assert_eq!(ask(&server, "profiles", &["list", "--limit", "100"]).len(), people.len() + 2);
}

// The receiver has to answer while the command runs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_story_comes_to_what_it_says() {
    for database in databases() {
        Box::pin(every_story(database)).await;
    }
}

#[tokio::test]
async fn a_story_that_comes_to_something_else_fails() {
    let server = ServerBuilder::on(Database::sqlite()).start().await;
    let tenant = server.tenant("acme").await;
    let file = server.data().join("story.yaml");
    let play = |text: &str, more: &[&str]| {
        fs::write(&file, text).expect("written");
        let mut command = server.builder().command("dev");
        let output = command.arg(&file).args(more).args(["--output", "json"]).output().expect("it starts");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let story = "about: a\nprovider: stripe\nmessages: { paid: {} }\nsteps: [{ send: [paid], times: 2 }]\n";
    let (code, told) = play(&format!("{story}expect: {{ duplicates: 1, people: 1 }}"), &[]);
    assert_eq!(code, Some(0), "{told}");
    // It is a sample as it stands, so that it was here before.
    let (code, told) = play(&format!("{story}expect: {{ duplicates: 1, people: 2 }}"), &[]);
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("duplicates: expected 1, found 2"), "{told}");
    let (code, told) = play(&story.replace("times: 2", "answer: 401"), &[]);
    assert_eq!(code, Some(1), "{told}");

    // To a source of somebody's own, of which nobody knows what it makes.
    let source = server.source(&tenant, "own", "stripe", &json!({}), Some(KEY)).await;
    let url = format!("http://{}{}", server.http(), source.path);
    let (code, told) = play(&format!("{story}expect: {{ people: 7 }}"), &["--url", &url, "--key", KEY]);
    assert_eq!(code, Some(0), "{told}");
    let (code, told) = play(story, &["--url", &url, "--key", "another"]);
    assert!(code == Some(1) && told.contains("\"status\":401"), "{told}");
}

#[tokio::test]
async fn every_provider_can_be_played_by_send() {
    let server = ServerBuilder::on(Database::sqlite()).start().await;
    let tenant = server.tenant("acme").await;
    let providers = ask(&server, "sources", &["providers"]);
    assert!(providers.len() >= 12, "{providers:?}");
    for provider in &providers {
        let id = provider["id"].as_str().expect("an id");
        assert!(provider["help"].as_str().is_some_and(|help| !help.is_empty()), "{id}");
        // Pages send to it, and nothing is signed.
        if id == "tag" {
            continue;
        }
        let source = server.source(&tenant, &format!("a_{id}"), id, &json!({}), Some(KEY)).await;
        let url = format!("http://{}{}", server.http(), source.path);
        let sent = ask(&server, "send", &["--provider", id, "--url", &url, "--key", KEY]);
        let message = server.processed(sent[0]["message_id"].as_str().expect("accepted")).await;
        assert_eq!(message.signature(), tributary_proto::admin::v1::message::Signature::Valid, "{id}");
        let mut refused = server.builder().command("send");
        let refused = refused.args(["--provider", id, "--url", &url, "--key", "whsec_AAAA"]).output();
        assert!(!refused.expect("it starts").status.success(), "{id}");
    }
}
