//! Sends what a scenario says, step by step.

use std::{collections::BTreeMap, time::Duration};

use anyhow::anyhow;
use futures::future::join_all;
use serde_json::json;
use tributary_domain::time::{Clock, Timestamp};
use tributary_telemetry::ambient::SystemClock;

use super::{
    body::Ready,
    scenario::{Scenario, Signed, Step},
    source::new_key,
};
use crate::cli::{
    output::{Out, Style, Text, time::span},
    send::{Answer, Poster, Sender},
};

/// How long ago what is signed late was signed.
const LATE: Duration = Duration::from_secs(2 * 24 * 60 * 60);

/// What came of sending.
#[derive(Debug, Default)]
pub(super) struct Played {
    /// The ids of the messages that were accepted, in the order of the answers.
    pub(super) messages: Vec<String>,
    /// How many answers were others than the scenario says.
    pub(super) unexpected: usize,
}

/// Sends all of it, and shows what is sent and answered.
///
/// # Errors
/// When nothing can be shown.
pub(super) async fn all(
    scenario: &Scenario,
    ready: &BTreeMap<String, Ready>,
    sender: &Sender,
    poster: &Poster,
    out: &Out,
) -> anyhow::Result<Played> {
    let mut played = Played::default();
    let other = new_key();
    for (index, step) in scenario.steps.iter().enumerate() {
        let names = || step.send.iter().flat_map(|name| std::iter::repeat_n(name, step.times));
        let post = async |name: &String| {
            let ready = ready.get(name).ok_or_else(|| anyhow!("there is no message {name}"))?;
            let (key, now) = signature(step.signed, sender, &other);
            let signed = sender.sign_with(key, ready.body.clone(), &ready.label, now);
            anyhow::Ok((name.clone(), poster.post(signed).await))
        };
        let answers = if step.at_once {
            join_all(names().map(post)).await
        } else {
            let mut answers = Vec::new();
            for name in names() {
                answers.push(post(name).await);
            }
            answers
        };
        for answer in answers {
            let (name, answer) = answer?;
            let is_expected = answer.status == Some(step.answer);
            played.unexpected += usize::from(!is_expected);
            tell(out, index + 1, step, &name, &answer, is_expected)?;
            played.messages.extend(answer.outcome.ok());
        }
    }
    Ok(played)
}

fn signature<'a>(signed: Signed, sender: &'a Sender, other: &'a str) -> (Option<&'a str>, Timestamp) {
    let now = SystemClock.now();
    match signed {
        Signed::Right => (sender.key(), now),
        Signed::Wrong => (Some(other), now),
        Signed::Late => {
            let then = now.micros() - i64::try_from(LATE.as_micros()).unwrap_or_default();
            (sender.key(), Timestamp::from_micros(then))
        }
        Signed::Not => (None, now),
    }
}

/// Shows one answer.
fn tell(
    out: &Out,
    number: usize,
    step: &Step,
    name: &str,
    answer: &Answer,
    is_expected: bool,
) -> anyhow::Result<()> {
    if out.is_json() {
        let mut line = json!({
            "step": number, "sent": name, "status": answer.status, "expected": is_expected,
        });
        match &answer.outcome {
            Ok(message) => line["message_id"] = json!(message),
            Err(error) => line["error"] = json!(error),
        }
        return Ok(out.json_line(&line)?);
    }
    let status = answer.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
    let (style, words) = match &answer.outcome {
        Ok(message) => (Style::Accent, message),
        Err(error) => (Style::Dim, error),
    };
    let manner = match step.signed {
        Signed::Right => "",
        Signed::Wrong => " with another key",
        Signed::Late => " signed two days ago",
        Signed::Not => " unsigned",
    };
    let label = Text::new()
        .with(Style::Dim, format!("{number}  "))
        .plain(format!("{name}{manner}  "))
        .with(if is_expected { Style::Good } else { Style::Bad }, status)
        .plain("  ")
        .with(style, words)
        .with(Style::Dim, format!("  {}", span(answer.took)));
    let label =
        if is_expected { label } else { label.with(Style::Bad, format!("  expected {}", step.answer)) };
    Ok(out.text(&label)?)
}
