//! Who is erased is gone: from the answers, from the files, and whatever is sent again, until they do something new.

use std::{fs, path::Path};

use serde_json::json;
use tonic::Code;
use tributary_proto::admin::v1::{GetProfileRequest, run_status};
use tributary_tests::{Booking, Server, ServerBuilder, Sink, Source, Tenant, cluid, databases};

use crate::cli::ask;

/// Stands in all that is known of the person.
const WORD: &str = "canary";
const EMAIL: &str = "canary@nest.example";

fn booking(number: u32) -> Booking {
    Booking::new(number)
        .email(EMAIL)
        .cluid(&cluid(7))
        .with("/payload/name", json!("Nora Canary"))
        .with("/payload/questions_and_answers", json!([{"question": "?", "answer": "Canary", "position": 0}]))
}

/// The files below a folder in which the word stands.
fn places(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("a file").path();
        if path.is_dir() {
            found.extend(places(&path));
        } else if let Ok(bytes) = fs::read(&path)
            && bytes.windows(WORD.len()).any(|window| window.eq_ignore_ascii_case(WORD.as_bytes()))
        {
            found.push(path.display().to_string());
        }
    }
    found
}

async fn post(server: &Server, source: &Source, booking: &Booking) -> String {
    server.post(source, booking.body()).await.accepted()
}

/// That the profile of this name is said to be of somebody who was erased, and not only to be unknown.
async fn assert_is_gone(server: &Server, name: &str) {
    let request = GetProfileRequest { name: name.to_owned() };
    let refused = server.api().profiles().get_profile(request).await.expect_err("it is gone");
    assert_eq!(refused.code(), Code::NotFound);
    assert!(refused.message().contains("was erased"), "{refused:?}");
}

/// That what is from before is suppressed, and nothing of it is kept.
async fn assert_is_suppressed(server: &Server, source: &Source, number: u32) {
    let again = post(server, source, &booking(number)).await;
    let trace = server.trace(&again).await;
    let message = trace.message.expect("its line");
    assert!(message.body_removed && message.body.is_empty());
    assert_eq!(message.status.expect("a status").code(), run_status::Code::Suppressed);
    let run = trace.runs[0].run.as_ref().expect("a run");
    let status = run.status.as_ref().expect("a status");
    assert_eq!(status.code(), run_status::Code::Suppressed);
    let reason = status.reason.as_ref().expect("a reason");
    assert!(reason.message.contains("was erased") && !reason.fix.is_empty(), "{reason:?}");
}

async fn known(server: &Server, tenant: &Tenant) -> usize {
    let found = ask(server, "profiles", &["list", "--tenant", tenant.name.rsplit('/').next().unwrap()]);
    found.len()
}

#[tokio::test]
async fn who_is_erased_is_gone_until_they_do_something_new() {
    for database in databases() {
        println!("on {}", database.kind());
        let is_file = database.kind() == "sqlite";
        let mut server = ServerBuilder::on(database).start().await;
        let (tenant, source, _) = server.bookings().await;
        let sink = Sink::start().await;
        server.destination(&tenant, "hook", &sink).await;
        let first = post(&server, &source, &booking(1)).await;
        let other = post(&server, &source, &Booking::new(2).email("wren@nest.example")).await;
        server.all_processed(&[first.clone(), other.clone()]).await;
        sink.wait_for(2).await;
        server.delivered(&tenant, 2).await;
        assert!(!places(server.data()).is_empty());
        let person = server.lookup(&tenant, "email", EMAIL).await.expect("is known");

        let export = ask(&server, "profiles", &["export", &format!("email:{EMAIL}")]).remove(0);
        assert_eq!(export["profile"]["name"], person.name.as_str());
        let parts: Vec<&str> = export["log"]
            .as_array()
            .expect("a list")
            .iter()
            .flat_map(|part| part.as_object().expect("an object").keys().map(String::as_str))
            .collect();
        assert_eq!(parts, ["message", "event", "delivery"], "{export}");
        assert!(
            export["log"][0]["message"]["body"].as_str().is_some_and(|body| body.contains("Nora Canary"))
        );
        assert!(!export.to_string().contains("wren"), "nothing of anybody else");

        let told = ask(&server, "profiles", &["erase", &format!("email:{EMAIL}"), "--yes"]);
        let operation = told.last().expect("how it ended");
        assert_eq!(operation["state"], "STATE_SUCCEEDED");
        let id =
            operation["name"].as_str().and_then(|name| name.rsplit('/').next()).expect("an id").to_owned();
        let receipt = ask(&server, "profiles", &["erasure", &id]).remove(0);
        assert_eq!(receipt["profile"], person.name.as_str());
        assert_eq!(receipt["removedCounts"]["profiles"], "1");
        let told = receipt["disclosures"].as_array().expect("a list");
        assert_eq!((told.len(), &told[0]["eventName"]), (1, &json!("Schedule")));
        assert!(!receipt.to_string().to_lowercase().contains(WORD));

        assert_eq!(places(server.data()), Vec::<String>::new(), "in no file, the journal's among them");
        assert_is_gone(&server, &person.name).await;
        assert_eq!(known(&server, &tenant).await, 1);
        assert!(server.message(&first).await.expect("its line").body_removed);
        assert!(!server.message(&other).await.expect("another's").body_removed);
        // The provider sends it once more, and another one that is as old.
        assert_is_suppressed(&server, &source, 1).await;
        server.kill();
        server.start_again().await;
        assert_is_suppressed(&server, &source, 3).await;
        assert_eq!(known(&server, &tenant).await, 1);

        let now = "2126-03-10T14:02:30.512873Z";
        let later =
            booking(4).with("/payload/created_at", json!(now)).with("/payload/updated_at", json!(now));
        let later = post(&server, &source, &later).await;
        server.processed(&later).await;
        let newcomer = server.lookup(&tenant, "email", EMAIL).await.expect("is known again");
        assert_ne!(newcomer.name, person.name);
        assert_is_gone(&server, &person.name).await;
        sink.wait_for(3).await;
        assert_eq!(sink.received().len(), 3, "of the two, nothing was sent");
        if is_file {
            assert!(!places(server.data()).is_empty(), "the newcomer is there");
        }
        server.kill();
    }
}
