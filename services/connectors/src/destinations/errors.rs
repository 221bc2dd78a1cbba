//! What the answers of platforms mean: catalogues by code, and what a status means where no code is known.

use http::{HeaderMap, header};
use serde_json::Value;
use tributary_domain::{retry::parse_retry_after, time::Timestamp};

use super::{About, Judged, Outcome, Trouble};

/// An error that a platform is known to answer with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownError {
    /// The platform's own code for it.
    pub code: &'static str,
    /// What follows from it.
    pub verdict: Verdict,
    /// What is wrong and what to do, in a clause.
    pub reason: &'static str,
    /// The status that it stands for, whatever the answer's is; none: that.
    pub status: Option<u16>,
}

/// What follows from an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The next try may succeed.
    Retry,
    /// It never takes this event.
    Permanent,
    /// It does not take the credential: everything waits until that was replaced, or works again.
    Hold(Trouble),
    /// It takes nothing until its settings are corrected: everything waits for that.
    Suspend,
    /// It takes no events any more.
    Disable,
}

/// An entry of a catalogue.
pub(super) const fn known(code: &'static str, verdict: Verdict, reason: &'static str) -> KnownError {
    KnownError { code, verdict, reason, status: None }
}

/// The entry of a word for that the platform is asked too often.
pub(super) const fn too_often(code: &'static str, reason: &'static str) -> KnownError {
    KnownError { code, verdict: Verdict::Retry, reason, status: Some(429) }
}

/// An answer while it is read.
pub(super) struct Answer<'a> {
    about: &'static About,
    headers: &'a HeaderMap,
    now: Timestamp,
    /// Its status.
    pub(super) status: u16,
    /// Its body; null where that is no JSON.
    pub(super) body: Value,
    /// Whether the body is JSON of which the end is missing: it was too long to be read.
    pub(super) is_cut: bool,
}

impl<'a> Answer<'a> {
    pub(super) fn read(
        about: &'static About,
        status: u16,
        headers: &'a HeaderMap,
        body: &[u8],
        now: Timestamp,
    ) -> Self {
        let (body, is_cut) = match serde_json::from_slice(body) {
            Ok(read) => (read, false),
            Err(error) => (Value::Null, error.is_eof() && !body.is_empty()),
        };
        Self { about, headers, now, status, body, is_cut }
    }

    /// Whether its status says that it went well.
    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// What it means that the platform named these codes, the most exact one first; with none that is known, what the
    /// status means.
    pub(super) fn judge(&self, codes: &[&str]) -> Judged {
        self.judged(self.status, codes, by_status)
    }

    /// The same, where the platform says that the status is another one. With no code that is known, that says nothing of
    /// other events: it stops none of them.
    pub(super) fn judge_as(&self, status: u16, codes: &[&str]) -> Judged {
        self.judged(status, codes, |status| match status {
            408 | 425 | 429 => by_status(status),
            400..=499 => (Verdict::Permanent, NOT_TAKEN),
            _ => by_status(status),
        })
    }

    /// The same, of one of the events of a request: whatever is said of it, it stops no others. What would stop them is tried
    /// again.
    pub(super) fn judge_item(&self, status: u16, codes: &[&str]) -> Judged {
        let judged = self.judge_as(status, codes);
        match judged.outcome {
            Outcome::Hold { reason, .. } | Outcome::Suspend { reason } | Outcome::Disable { reason } => {
                Judged { outcome: self.outcome(Verdict::Retry, reason), ..judged }
            }
            Outcome::Delivered | Outcome::Retry { .. } | Outcome::Permanent { .. } => judged,
        }
    }

    fn judged(&self, status: u16, codes: &[&str], else_by: fn(u16) -> (Verdict, &'static str)) -> Judged {
        let known = self.known(codes);
        let code = codes.first().copied().filter(|code| is_word(code));
        let (verdict, why) = match known {
            Some(error) => (error.verdict, error.reason),
            None => else_by(status),
        };
        let name = self.about.display_name;
        let told = code.map(|code| format!(" ({code})")).unwrap_or_default();
        Judged {
            outcome: self.outcome(verdict, format!("{name} answered {status}{told}: {why}")),
            code: code.map_or_else(|| format!("HTTP_{status}"), str::to_owned),
            status: known.and_then(|error| error.status).unwrap_or(status),
        }
    }

    fn known(&self, codes: &[&str]) -> Option<&'static KnownError> {
        codes.iter().find_map(|code| self.about.errors.iter().find(|error| error.code == *code))
    }

    /// Whether one of these codes says that the platform is asked too often.
    pub(super) fn is_too_often(&self, codes: &[&str]) -> bool {
        self.known(codes).is_some_and(|error| error.status == Some(429))
    }

    /// What follows for a reason of our own.
    pub(super) fn say(&self, verdict: Verdict, reason: String) -> Judged {
        let (outcome, status) = (self.outcome(verdict, reason), self.status);
        Judged { outcome, code: format!("HTTP_{status}"), status }
    }

    fn outcome(&self, verdict: Verdict, reason: String) -> Outcome {
        match verdict {
            Verdict::Retry => {
                let after = self.headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
                Outcome::Retry { after: after.and_then(|value| parse_retry_after(value, self.now)), reason }
            }
            Verdict::Permanent => Outcome::Permanent { reason },
            Verdict::Hold(trouble) => Outcome::Hold { trouble, after: None, reason },
            Verdict::Suspend => Outcome::Suspend { reason },
            Verdict::Disable => Outcome::Disable { reason },
        }
    }
}

/// Whether a code may stand in a reason: it is the platform's own word, and nothing that could repeat what was sent.
pub(super) fn is_word(code: &str) -> bool {
    (1..=60).contains(&code.len())
        && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-/".contains(&byte))
}

const NOT_TAKEN: &str = "it does not take this event: see the answer";

/// What a status means by itself. Only one that can be about nothing but the credential stops everything; what else is
/// wrong with one event would stop all others with it.
fn by_status(status: u16) -> (Verdict, &'static str) {
    match status {
        401 => (Verdict::Hold(Trouble::Revoked), "it does not take the credential: replace it"),
        403 => (Verdict::Retry, "the credential may not do this: give it the right"),
        404 => (Verdict::Retry, "there is no such place: correct the settings"),
        410 => (Verdict::Disable, "it wants no more events: resume the destination when it does"),
        408 | 425 | 429 => (Verdict::Retry, "it asks to wait"),
        300..=399 => (Verdict::Retry, "it redirects, and redirects are not followed: correct the settings"),
        413 => (Verdict::Permanent, "the event is too large"),
        400..=499 => (Verdict::Permanent, NOT_TAKEN),
        500..=599 => (Verdict::Retry, "it cannot serve now"),
        _ => (Verdict::Retry, "that is no answer that is known"),
    }
}
