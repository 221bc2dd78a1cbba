//! Messages to Slack and its answers.

use http::HeaderMap;
use serde_json::{Value, json};
use tributary_domain::{
    booking::{FollowUpKind, Why},
    workflow::spec::Kind,
};

use super::*;
use crate::destinations::tests::{NOW, body, event, followed, object, secrets, word};

fn sent(settings: &Value, event: &OutgoingEvent) -> HttpRequest {
    let secrets = secrets(&[("webhook_url", "https://hooks.example.com/services/canary")]);
    assert_eq!(Slack.check_settings(settings, &secrets), Ok(()));
    let request = Slack.request(settings, &secrets, event, NOW).unwrap();
    assert_eq!(request.url, "https://hooks.example.com/services/canary");
    request
}

#[test]
fn a_message_is_what_the_owner_wrote_and_nobody_else_writes_mark_up() {
    assert_eq!(body(&sent(&json!({}), &event())), json!({"text": "*Schedule* from Calendly"}));
    let unnamed = OutgoingEvent { kind: Kind::Identify, name: String::new(), ..event() };
    assert_eq!(body(&sent(&json!({}), &unnamed)), json!({"text": "*event.identify* from Calendly"}));
    let traits = object(json!({"name": "<!channel> & co"}));
    let text = json!({"text": "<https://example.com|{{ $.data.traits.name }}>"});
    let told = body(&sent(&text, &OutgoingEvent { traits, ..event() }));
    assert_eq!(told, json!({"text": "<https://example.com|&lt;!channel&gt; &amp; co>"}));
    let long = OutgoingEvent { name: "x".repeat(9_000), ..event() };
    assert_eq!(body(&sent(&json!({}), &long))["text"].as_str().unwrap().len(), 4_000);
}

#[test]
fn what_became_of_an_event_is_said() {
    let told = body(&sent(&json!({}), &followed(FollowUpKind::Retract, Why::Cancelled)));
    assert_eq!(told, json!({"text": "*Schedule* from Calendly – cancelled"}));
}

#[test]
fn settings_that_cannot_be_are_refused() {
    let good = secrets(&[("webhook_url", "https://hooks.example.com/x")]);
    let error = Slack.check_settings(&json!({"text": "{{ x }}"}), &good).unwrap_err();
    assert_eq!(error.path, "settings.text");
    let bad = secrets(&[("webhook_url", "canary")]);
    let error = Slack.check_settings(&json!({}), &bad).unwrap_err();
    assert!(error.path == "secrets.webhook_url" && !error.message.contains("canary"));
}

#[test]
fn answers_are_plain_words() {
    for (status, answer, expected) in [
        (200, "ok", "delivered"),
        (400, "invalid_payload", "permanent"),
        (400, "no_text", "permanent"),
        (403, "action_prohibited", "suspend"),
        (404, "no_service", "revoked"),
        (404, "channel_not_found", "suspend"),
        (410, "channel_is_archived", "suspend"),
        (429, "", "retry"),
        (500, "rollup_error", "retry"),
    ] {
        let outcome = Slack.classify(status, &HeaderMap::new(), answer.as_bytes(), NOW);
        assert_eq!(word(&outcome), expected, "{status} {answer}");
    }
}
