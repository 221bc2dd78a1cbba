//! Slack's incoming webhooks, which answer in plain words.

use super::{Answer, Asked, CREDENTIAL};

pub(super) fn answer(asked: &Asked) -> Answer {
    let say = |status: u16, word: &str| {
        let wrong = if status == 200 { String::new() } else { word.to_owned() };
        Answer { status, body: word.to_owned(), wrong }
    };
    if asked.path != format!("/services/T1/B1/{CREDENTIAL}") {
        return say(404, "no_service");
    }
    match asked.body["text"].as_str() {
        _ if !asked.body.is_object() => say(400, "invalid_payload"),
        Some(text) if !text.is_empty() && text.chars().count() <= 40_000 => say(200, "ok"),
        _ => say(400, "no_text"),
    }
}
