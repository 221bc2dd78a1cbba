//! The commands of a person, as the binary, against a server that runs.

use std::{io::Write, process::Stdio};

use serde_json::Value;
use tributary_tests::{Database, Server, ServerBuilder, Sink, databases};

/// What a command writes when it succeeds: JSON values, one after the other.
#[track_caller]
pub(crate) fn ask(server: &Server, command: &str, arguments: &[&str]) -> Vec<Value> {
    let mut process = server.builder().command(command);
    let output = process.args(arguments).args(["--output", "json"]).output().expect("the binary starts");
    let (said, told) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command} {arguments:?}: {}\n{said}\n{told}", output.status);
    let values = serde_json::Deserializer::from_str(&said).into_iter::<Value>();
    values.map(|value| value.unwrap_or_else(|error| panic!("{command}: {error} in\n{said}"))).collect()
}

/// Whether `text` stands anywhere in what was written.
fn tells(values: &[Value], text: &str) -> bool {
    values.iter().any(|value| value.to_string().contains(text))
}

#[tokio::test]
async fn the_commands_send_show_and_check() {
    for database in databases() {
        println!("on {}", database.kind());
        let server = ServerBuilder::on(database).start().await;
        let (tenant, source, _) = server.bookings().await;
        let sink = Sink::start().await;
        server.destination(&tenant, "hook", &sink).await;

        let url = format!("http://{}{}", server.http(), source.path);
        let key = source.key.as_deref().expect("its sender signs");
        let sent = ask(&server, "send", &["--url", &url, "--key", key]);
        assert_eq!(sent.len(), 1, "{sent:?}");
        assert_eq!(sent[0]["status"], 202, "{sent:?}");
        let id = sent[0]["message_id"].as_str().expect("the id of a message").to_owned();
        let message = server.processed(&id).await;
        let event = server.events(&tenant).await.remove(0);
        let delivery = server.delivered(&tenant, 1).await.remove(0);

        let trace = ask(&server, "trace", &[&id]);
        for part in [&message.name, &event.name, &event.profile, &delivery.name] {
            assert!(tells(&trace, part), "no {part} in {trace:?}");
        }
        assert!(tells(&ask(&server, "logs", &["source"]), &id));
        assert!(tells(&ask(&server, "logs", &["workflow"]), &id));
        assert!(tells(&ask(&server, "logs", &["deliveries"]), &delivery.name));
        for found in [
            &["source", "--text", "\"EVENT\":\"invitee", "--status", "succeeded"][..],
            &["workflow", "--since", "1h", "--message", &id, "--filter", "status != FAILED"],
            &["deliveries", "--since", "1h", "--destination", "hook", "--status", "delivered"],
        ] {
            assert_eq!(ask(&server, "logs", found).len(), 1, "{found:?}");
        }
        let events = ask(&server, "events", &["list", "--name", "Schedule", "--source", "calendly"]);
        assert!(events.len() == 1 && tells(&events, &event.name), "{events:?}");
        assert!(tells(&ask(&server, "events", &["names"]), "\"eventCount\":\"1\""));
        let stats = ask(&server, "stats", &["--by", "hour", "--since", "2h"]);
        assert_eq!(stats[0]["total"]["receivedMessageCount"], "1", "{stats:?}");
        let samples = ask(&server, "sources", &["samples", "calendly"]);
        assert!(tells(&samples, "$.payload.email"), "{samples:?}");
        let pin = ask(&server, "workflows", &["update", "bookings", "--sample-message", &id]);
        assert!(tells(&pin, &message.name), "{pin:?}");
        assert!(tells(&ask(&server, "workflows", &["sample", "bookings"]), &id));
        for missed in [
            &["source", "--text", "no such text"][..],
            &["source", "--until", "2020-01-01T00:00:00Z"],
            &["workflow", "--identifier", "email:nobody@example.com"],
            &["deliveries", "--status", "failed"],
        ] {
            assert!(ask(&server, "logs", missed).is_empty(), "{missed:?}");
        }
        assert!(tells(&ask(&server, "profiles", &["list"]), &event.profile));
        assert!(tells(&ask(&server, "profiles", &["get", &event.profile]), &event.profile));

        let usage = ask(&server, "tenants", &["usage", "acme"]);
        assert_eq!((&usage[0]["messageCount"], &usage[0]["sourceLimit"]), (&"1".into(), &"1000".into()));

        let kept = ask(&server, "tenants", &["keep", "acme", "--bodies", "14"]);
        let days = (&kept[0]["bodiesDays"], &kept[0]["logsDays"], &kept[0]["dedupeDays"]);
        assert_eq!(days, (&14.into(), &90.into(), &30.into()), "{kept:?}");
        assert_eq!(ask(&server, "tenants", &["keep", "acme"]), kept);

        let findings = ask(&server, "doctor", &[]);
        assert!(findings.len() >= 5, "{findings:?}");
        assert!(findings.iter().all(|finding| finding["state"] != "FAIL"), "{findings:?}");
        let migrations = ask(&server, "migrate", &["--plan"]);
        assert!(!migrations.is_empty());
        assert!(migrations.iter().all(|one| one["state"] == "APPLIED_BEFORE"), "{migrations:?}");
    }
}

#[tokio::test]
async fn an_agency_gets_its_owner_once_and_a_service_reaches_what_was_granted() {
    for database in databases() {
        println!("on {}", database.kind());
        let server = ServerBuilder::on(database).start().await;
        let bootstrap = ["--agency", "house", "--email", "o@example.com"];
        let invited = ask(&server, "bootstrap", &bootstrap);
        assert!(invited[0]["token"].as_str().is_some_and(|token| token.starts_with("tri_")), "{invited:?}");
        let mut process = server.builder().command("bootstrap");
        process.args(bootstrap).arg("--password-stdin").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = process.spawn().expect("the binary starts");
        process.stdin.take().expect("piped").write_all(b"correct horse battery\n").expect("is read");
        let output = process.wait_with_output().expect("ends");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && said.contains("owns the agency house"), "{said}");
        let again = ask(&server, "bootstrap", &bootstrap);
        assert!(again[0]["token"].is_null() && again[0]["owner"] == "o@example.com", "{again:?}");
        assert!(tells(&ask(&server, "members", &["list", "--agency", "house"]), "o@example.com"));

        let (tenant, ..) = server.bookings().await;
        let made = ask(
            &server,
            "api-keys",
            &[
                "create",
                "reports",
                "--agency",
                agency(&tenant.name),
                "--grant",
                &format!("{}=viewer", tenant.name),
            ],
        );
        let secret = made[0]["secret"].as_str().expect("its secret").to_owned();
        let by_key = |command: &str, arguments: &[&str]| {
            let mut process = server.builder().command(command);
            process.args(arguments).args(["--token", &secret]).output().expect("the binary starts")
        };
        let seen = by_key("tenants", &["list", "--output", "json"]);
        assert!(seen.status.success(), "{}", String::from_utf8_lossy(&seen.stderr));
        assert_eq!(String::from_utf8_lossy(&seen.stdout).lines().count(), 1);
        let refused = by_key("members", &["list"]);
        let told = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && told.contains("AGENCY_ADMIN"), "{told}");
        let key = made[0]["api_key"].as_str().expect("its name");
        ask(&server, "api-keys", &["delete", key, "--agency", agency(&tenant.name)]);
        let refused = by_key("tenants", &["list"]);
        let told = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && told.contains("API key is not valid"), "{told}");
        assert!(!server.log().contains(&secret), "no secret in the log");
    }
}

/// The id of the agency that a name is below.
fn agency(name: &str) -> &str {
    name.split('/').nth(1).expect("the name of a tenant")
}

#[tokio::test]
async fn what_is_not_there_and_what_is_in_use_is_said_with_what_to_do() {
    let server = ServerBuilder::on(Database::sqlite()).start().await;
    for (command, arguments, told) in [
        ("trace", &["foo"][..], "`foo` is no message id: take one from `tributary logs source`"),
        ("trace", &["msg_01j00000000000000000000000"], "`tributary logs source` lists those there are"),
        ("serve", &[], "is in use by another process: end it, or choose another folder with --data-dir"),
    ] {
        let output = server.builder().command(command).args(arguments).output().expect("the binary starts");
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && error.contains(told), "{command} {arguments:?}: {error}");
    }
}

#[tokio::test]
async fn a_command_that_cannot_be_done_says_why_in_one_line() {
    let mut server = ServerBuilder::on(Database::sqlite()).start().await;
    server.stop().await;
    for (command, arguments) in
        [("trace", &["msg_01j00000000000000000000000"][..]), ("logs", &["source"]), ("profiles", &["list"])]
    {
        let output = server.builder().command(command).args(arguments).output().expect("the binary starts");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && told.lines().count() == 1, "{command}: {told}");
        assert!(told.contains("no server answers"), "{command}: {told}");
    }
}
