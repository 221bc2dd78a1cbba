//! The guide that people come with, step by step: Calendly is told of the webhook by hand, with the two commands that stand
//! there and in the README, and a booking shows the visitor's id in the log of the source.

use std::{fs, path::Path, process::Command, time::Duration};

use serde_json::{Value, json};
use tributary_proto::admin::v1::message::Signature;
use tributary_tests::{Calendly, Database, Server, ServerBuilder, Source, cluid, databases, eventually};

use crate::cli::ask;

/// Both commands as the guide has them; what has to be put in stands in brackets.
const GUIDE: [&str; 2] = [
    r"curl --request GET \
--url https://api.calendly.com/users/me \
--header 'authorization: Bearer {access_token}'",
    r#"curl --request POST \
--url https://api.calendly.com/webhook_subscriptions \
--header 'Content-Type: application/json' \
--header 'authorization: Bearer <your personal access token>' \
--data '{
"url": "<CustomerLabs webhook URL>",
"events": ["invitee.created", "invitee.canceled"],
"organization": "<your organization URI>",
"scope": "organization"
}'"#,
];
/// How long the log of a source may take to show a booking.
const A_SECOND: Duration = Duration::from_secs(1);
/// How often it is tried: the machine may be busy.
const TRIES: u32 = 3;

/// The commands of the README's tour that talk to Calendly.
fn readme() -> [String; 2] {
    let text =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md")).expect("the README");
    let (_, tour) = text.split_once("\n## The tour\n").expect("the tour");
    let tour = tour.split_once("\n## ").expect("what follows it").0;
    let blocks = tour.split("```sh\n").skip(1).filter_map(|block| block.split("\n```").next());
    let found: Vec<String> =
        blocks.filter(|block| block.contains("https://api.calendly.com/")).map(str::to_owned).collect();
    found.try_into().expect("two commands")
}

/// Runs a command in a shell, as somebody pastes it, with these words in place of others; what Calendly answered.
fn run(calendly: &Calendly, command: &str, words: &[(&str, &str)]) -> Value {
    let command = command.replace("https://api.calendly.com", &calendly.url());
    let command = words.iter().fold(command, |command, (word, value)| command.replace(word, value));
    let output = Command::new("sh").args(["-c", &command]).env("CALENDLY_TOKEN", calendly.owner()).output();
    let output = output.expect("a shell");
    let (said, told) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command}: {} (it takes curl)\n{told}", output.status);
    serde_json::from_str(&said).unwrap_or_else(|error| panic!("{command}: {error} in\n{said}"))
}

/// Follows the steps with these commands; a booking then arrives signed so, and is shown within a second.
async fn follow(
    server: &Server,
    calendly: &Calendly,
    source: &Source,
    commands: [&str; 2],
    signed: Signature,
) {
    let token = calendly.owner();
    let of_token = [("{access_token}", token.as_str()), ("<your personal access token>", token.as_str())];
    let me = run(calendly, commands[0], &of_token);
    let organization = me["resource"]["current_organization"].as_str().expect("the organization's URI");
    // The URL that the source shows.
    let url = format!("{}{}", calendly.public_url(), source.path);
    let key = source.key.as_deref().unwrap_or_default();
    let mut words = of_token.to_vec();
    words.extend([
        ("<CustomerLabs webhook URL>", url.as_str()),
        ("<the webhook URL>", url.as_str()),
        ("<the signing key>", key),
        ("<your organization URI>", organization),
    ]);
    let made = run(calendly, commands[1], &words);
    assert_eq!(
        (&made["resource"]["state"], &made["resource"]["callback_url"]),
        (&json!("active"), &json!(url))
    );

    let mut taken = Vec::new();
    for _ in 0..TRIES {
        let visitor = cluid(calendly.book().await);
        let shown = eventually("the log of the source shows the booking", async || {
            let shown = ask(server, "logs", &["source", source.name.rsplit('/').next().expect("an id")]);
            shown.into_iter().find(|message| message["cluid"]["value"] == json!(visitor))
        })
        .await;
        assert_eq!(shown["cluid"]["status"], "STATUS_FOUND", "{shown}");
        assert_eq!(shown["cluid"]["path"], "$.payload.tracking.utm_term", "{shown}");
        let messages = server.messages(source).await;
        let message = messages.first().expect("the newest");
        assert_eq!(message.signature(), signed);
        let (received, processed) =
            (message.receive_time.expect("a time"), message.process_time.expect("a time"));
        let took = Duration::try_from(prost_types::Duration {
            seconds: processed.seconds - received.seconds,
            nanos: processed.nanos - received.nanos,
        });
        taken.push(took.expect("it is processed after it was accepted"));
        if taken.last().is_some_and(|took| *took < A_SECOND) {
            return;
        }
    }
    panic!("a booking is shown after {taken:?}");
}

// Commands are waited for on a thread of their own: Calendly has to answer meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_two_commands_of_the_guide_and_of_the_readme_bring_bookings_in() {
    let readme = readme();
    for database in databases() {
        let (server, calendly) = connected(database).await;
        let tenant = server.tenant("brightwater").await;
        // As the guide has it, nothing is signed.
        let unsigned = server.source(&tenant, "unsigned", "calendly", &json!({}), None).await;
        follow(&server, &calendly, &unsigned, GUIDE, Signature::Unsigned).await;
        let signed = server.calendly(&tenant, "signed").await;
        follow(&server, &calendly, &signed, [&readme[0], &readme[1]], Signature::Valid).await;
    }
}

/// A server that Calendly knows by its public name.
async fn connected(database: Database) -> (Server, Calendly) {
    println!("on {}", database.kind());
    let calendly = Calendly::start().await;
    let server = ServerBuilder::on(database).set("TRIBUTARY_PUBLIC_URL", calendly.public_url()).start().await;
    calendly.lead_to(&server);
    (server, calendly)
}
