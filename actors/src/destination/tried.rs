//! What attempts came to, and the words for that.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use tributary_connectors::destinations::{Judged, Outcome};
use tributary_domain::time::Timestamp;
use tributary_egress::EgressErrorKind;
use tributary_store::{delivery::Matched, ledger::ReadyDelivery};

use super::queue::Place;

/// Most of an answer's body that is kept, in bytes.
pub(super) const KEPT_BODY: usize = 4 << 10;
/// Headers of an answer that help to understand it.
const KEPT_HEADERS: [&str; 4] = ["content-type", "retry-after", "location", "server"];

/// How an attempt ends whose request was refused for something in it, and is made again in two halves.
pub(super) const SPLIT: &str = "SPLIT";

/// The words for what was not sent, and why; platforms have their own for what they do not take.
pub(super) mod code {
    /// It is older than the platform takes.
    pub(in super::super) const EXPIRED: &str = "EXPIRED";
    /// No request can be made of it.
    pub(in super::super) const UNSENDABLE: &str = "UNSENDABLE";
    /// The platform cannot be told what became of an event.
    pub(in super::super) const NO_FOLLOW_UPS: &str = "NO_FOLLOW_UPS";
    /// What it follows was not delivered.
    pub(in super::super) const NOTHING_TO_FOLLOW: &str = "NOTHING_TO_FOLLOW";
    /// Its person does not agree to it any more.
    pub(in super::super) const CONSENT_WITHDRAWN: &str = "CONSENT_WITHDRAWN";
    /// No access token can be had.
    pub(in super::super) const NO_ACCESS: &str = "NO_ACCESS";
    /// The destination's settings cannot be used.
    pub(in super::super) const SETTINGS: &str = "SETTINGS";
}

/// What an attempt came to.
#[derive(Debug, Clone)]
pub(super) struct Tried {
    pub(super) started: Timestamp,
    pub(super) took: Duration,
    pub(super) outcome: Outcome,
    /// By which word it was not taken; empty: it was.
    pub(super) code: String,
    pub(super) status: Option<u16>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Bytes,
    pub(super) truncated: bool,
    pub(super) error: Option<String>,
    /// How well the platform could find the event's person, where it took the event and looks for somebody.
    pub(super) quality: Option<Matched>,
    /// When the credential ends that it was made with, where that is known.
    pub(super) credential_ends: Option<Timestamp>,
}

/// How it went with a delivery whose turn it was.
#[derive(Debug)]
pub(super) enum Attempted {
    /// It was tried.
    Tried(Box<Tried>),
    /// It may not be sent before this time.
    Postponed(Timestamp),
    /// It may not be sent before this other one of the same person is done with, which is due then.
    Behind(Place),
    /// It did not go, and keeps its place: there was no room beside the others, or its person could not be read.
    Left,
    /// It was refused together with others for something in one of them.
    Split(Box<Tried>),
}

impl Attempted {
    /// The same of an event whose person the platform can find so well: that counts where it took the event.
    pub(super) fn matching(mut self, quality: Option<Matched>) -> Self {
        if let Self::Tried(tried) = &mut self
            && tried.outcome == Outcome::Delivered
        {
            tried.quality = quality;
        }
        self
    }
}

/// How it went with a batch.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) each: Vec<(ReadyDelivery, Attempted)>,
    /// What it says of the destination's health.
    pub(super) health: Health,
    /// How many were in the request; 0: there was none.
    pub(super) together: usize,
    /// Before this time nothing can go, whatever the destination says.
    pub(super) not_before: Option<Timestamp>,
}

impl Sent {
    /// What says most of the credential of all that were sent; nothing: nobody was asked for anything.
    pub(super) fn of_credential(&self) -> Option<&Tried> {
        let tried = self.each.iter().filter_map(|(_, attempted)| match attempted {
            Attempted::Tried(tried) | Attempted::Split(tried) => Some(&**tried),
            Attempted::Postponed(_) | Attempted::Behind(_) | Attempted::Left => None,
        });
        let said = tried.max_by_key(|tried| match tried.outcome {
            Outcome::Hold { .. } => 2,
            Outcome::Delivered => 1,
            Outcome::Permanent { .. } if tried.status.is_some() => 1,
            _ => 0,
        });
        said.filter(|tried| self.together > 0 || matches!(tried.outcome, Outcome::Hold { .. }))
    }
}

/// What an attempt says of the destination's health, whatever it says of its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Health {
    /// It answered as one that works.
    Well,
    /// It answers, and asks to wait: for so long, where it says that.
    Busy(Option<Duration>),
    /// It cannot be reached, or says itself that it cannot serve now: for so long, where it says that.
    Ill(Option<Duration>),
    /// Nothing: the destination was not asked.
    Unknown,
}

impl Health {
    /// What an answer says that means this, by the platform's own word where it has one.
    pub(super) fn of(judged: &Judged) -> Self {
        let Outcome::Retry { after, .. } = judged.outcome else { return Self::Well };
        match judged.status {
            500.. => Self::Ill(after),
            429 => Self::Busy(after),
            // Such as two that change the same: it says nothing of others.
            _ => Self::Well,
        }
    }

    /// What an answer says that means something else for each: it works as soon as one was taken, or refused for good.
    pub(super) fn of_each<'a>(each: impl Iterator<Item = &'a Judged> + Clone) -> Self {
        if each.clone().any(|one| matches!(one.outcome, Outcome::Delivered | Outcome::Permanent { .. })) {
            return Self::Well;
        }
        let worst = each.map(Self::of).max_by_key(|health| match health {
            Self::Ill(after) => (2, *after),
            Self::Busy(after) => (1, *after),
            Self::Well | Self::Unknown => (0, None),
        });
        worst.unwrap_or(Self::Well)
    }
}

impl Tried {
    /// It is not sent at all, for this reason.
    pub(super) fn not_sent(at: Timestamp, code: &str, reason: impl Into<String>) -> Self {
        Self::failed(at, Duration::ZERO, code, Outcome::Permanent { reason: reason.into() })
    }

    /// A follow-up of what was never delivered; `at` is now.
    pub(super) fn nothing_to_follow(at: Timestamp) -> Self {
        let reason = "the event that it follows was not delivered, so there is nothing to follow up";
        Self::not_sent(at, code::NOTHING_TO_FOLLOW, reason)
    }

    /// It ended without an answer.
    pub(super) fn failed(started: Timestamp, took: Duration, code: &str, outcome: Outcome) -> Self {
        let error = outcome.reason().to_owned();
        Self {
            started,
            took,
            outcome,
            code: code.to_owned(),
            status: None,
            headers: Vec::new(),
            body: Bytes::new(),
            truncated: false,
            error: Some(error),
            quality: None,
            credential_ends: None,
        }
    }

    /// An answer came, and means this.
    pub(super) fn answered(
        started: Timestamp,
        took: Duration,
        status: u16,
        headers: &HeaderMap,
        judged: Judged,
    ) -> Self {
        let Judged { outcome, code, .. } = judged;
        Self {
            started,
            took,
            outcome,
            code,
            status: Some(status),
            headers: kept(headers),
            body: Bytes::new(),
            truncated: false,
            error: None,
            quality: None,
            credential_ends: None,
        }
    }

    /// The same, with what the answer says, cut to what is kept; `is_cut`: it was longer already.
    pub(super) fn with_body(self, body: &[u8], is_cut: bool) -> Self {
        // A copy: what was read of a long answer is let go.
        let kept = Bytes::copy_from_slice(&body[..body.len().min(KEPT_BODY)]);
        Self { truncated: is_cut || body.len() > KEPT_BODY, body: kept, ..self }
    }
}

/// The word for an answer that did not come.
pub(super) fn no_answer(kind: EgressErrorKind) -> String {
    kind.as_str().to_ascii_uppercase()
}

fn kept(headers: &HeaderMap) -> Vec<(String, String)> {
    KEPT_HEADERS
        .iter()
        .filter_map(|name| {
            Some(((*name).to_owned(), headers.get(*name)?.to_str().ok()?.chars().take(200).collect()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tributary_connectors::destinations::find;

    use super::*;

    fn judged(platform: &str, status: u16, answer: &Value) -> Judged {
        let (platform, now) = (find(platform).expect("is known"), Timestamp::from_seconds(0));
        platform.judge(status, &HeaderMap::new(), answer.to_string().as_bytes(), now)
    }

    #[test]
    fn health_goes_by_what_the_platform_says_and_not_by_the_status_it_says_it_with() {
        let limited = json!({"error": {"code": 17, "error_subcode": 9, "is_transient": true}});
        for (platform, status, answer, expected) in [
            ("meta", 403, limited, Health::Busy(None)),
            ("meta", 400, json!({"error": {"code": 99, "is_transient": true}}), Health::Ill(None)),
            ("tiktok", 200, json!("<html>"), Health::Ill(None)),
            ("tiktok", 200, json!({"code": 50_002}), Health::Ill(None)),
            ("tiktok", 200, json!({"code": 40_100}), Health::Busy(None)),
            ("linkedin", 404, json!({"code": "SOME_WORD"}), Health::Well),
            ("hubspot", 403, json!({"category": "SOME_WORD"}), Health::Well),
            ("hubspot", 409, json!({"category": "CONFLICT"}), Health::Well),
            ("webhook", 503, json!({}), Health::Ill(None)),
        ] {
            assert_eq!(Health::of(&judged(platform, status, &answer)), expected, "{platform} {answer}");
        }
        assert_eq!(judged("meta", 403, &json!({"error": {"code": 17, "is_transient": true}})).code, "17");
    }

    #[test]
    fn answers_of_each_say_the_worst_unless_one_came_through() {
        let one = |status: u16| judged("linkedin", 200, &json!({"elements": [{"status": status}]}));
        let of = |all: &[u16]| {
            let all: Vec<_> = all.iter().map(|status| one(*status)).collect();
            Health::of_each(all.iter())
        };
        assert_eq!(of(&[429, 500, 429]), Health::Ill(None));
        assert_eq!(of(&[429, 301]), Health::Busy(None));
        assert_eq!((of(&[500, 201]), of(&[500, 400])), (Health::Well, Health::Well));
    }
}
