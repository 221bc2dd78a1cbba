//! How well a platform will find the person of an event, before it is asked.

use super::Person;
use crate::destinations::{About, OutgoingEvent};

/// Something that a platform finds people by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signal {
    /// An identifier, a trait or something of the browser session.
    pub name: &'static str,
    /// What it adds to the score.
    pub points: u8,
    /// How an event comes to have it, in a clause.
    pub how: &'static str,
}

/// How well a platform will find the person of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quality {
    /// From 0, nobody is found, to 100, everything is there that the platform takes.
    pub score: u8,
    /// What is there, what adds most first.
    pub present: Vec<&'static Signal>,
    /// What would raise the score, what adds most first.
    pub missing: Vec<&'static Signal>,
}

/// How well the platform will find the person of `event`; nothing where it looks for nobody. Only what the event carries
/// counts, so that it is the same whenever it is asked.
pub fn quality(about: &About, event: &OutgoingEvent) -> Option<Quality> {
    if about.signals.is_empty() {
        return None;
    }
    let person = Person(event);
    let mut all: Vec<&'static Signal> = about.signals.iter().collect();
    all.sort_by_key(|signal| std::cmp::Reverse(signal.points));
    let (present, missing): (Vec<&'static Signal>, Vec<&'static Signal>) =
        all.into_iter().partition(|signal| person.has(signal.name));
    let score = present.iter().map(|signal| u32::from(signal.points)).sum::<u32>().min(100);
    Some(Quality { score: u8::try_from(score).unwrap_or(100), present, missing })
}

/// A signal with the words of its name.
pub(in super::super) const fn signal(name: &'static str, points: u8) -> Signal {
    Signal { name, points, how: how(name) }
}

const BROWSER: &str = "the browser's tag notes it, and a cluid that is mapped brings it to events of servers";

const fn how(name: &'static str) -> &'static str {
    match name.as_bytes() {
        b"email" => "map the e-mail address as an identifier",
        b"phone" => "map the phone number, with its country code or a default country, as an identifier",
        b"external_id" => "map an id of another system as an identifier `external_id:…`",
        b"cluid" => "map the visitor's cluid as an identifier",
        b"ga_client_id" => "map the browser's `_ga` id as the identifier `ga_client_id`",
        b"first_name" => {
            "map the first name among the user traits; the step for names takes it out of a full one"
        }
        b"last_name" => {
            "map the last name among the user traits; the step for names takes it out of a full one"
        }
        b"city" | b"state" | b"zip" | b"country" => "map the address among the user traits",
        b"gender" | b"date_of_birth" => "map it among the user traits",
        b"company" | b"job_title" => "map it among the user traits",
        _ => BROWSER,
    }
}
