//! What happened: by what the sender calls it, or else by what is known of it.

use super::{
    Confidence, Sample, Suggestion,
    choose::{Candidate, counted},
    known::{EVENT_NAMES, HOLDS_AN_EVENT, Section},
    place::{Place, contains, places, words},
};
use crate::{
    sample::SampleKind,
    workflow::spec::{Input, MessageField, Path, Pick},
};

/// A longer text is no name of an event.
const LONGEST: usize = 100;

/// What the sender calls what happened, and where it says so.
#[derive(Debug, Clone)]
pub(super) struct Called {
    /// What the newest sample says.
    pub(super) text: String,
    /// Where it stands.
    pub(super) input: Input,
    /// The path of that; empty where the source reads it.
    pub(super) path: String,
}

/// What the sender calls what happened in the newest sample.
pub(super) fn called(samples: &[Sample<'_>], shows: fn(&str) -> bool) -> Option<Called> {
    let newest = samples.first()?;
    if let Some(event) = newest.provider_event.filter(|event| is_a_name(event)) {
        let input = Input::Field(MessageField::ProviderEvent);
        return Some(Called { text: event.to_owned(), input, path: String::new() });
    }
    let places = places(std::slice::from_ref(newest), shows);
    let of_name = |name: &str| {
        let says = |place: &&Place| place.name == name && HOLDS_AN_EVENT.contains(&place.parent.as_str());
        places.iter().filter(|place| place.question.is_none()).find(says)
    };
    let place = EVENT_NAMES.iter().find_map(|name| of_name(name))?;
    let found =
        place.values.first().filter(|found| found.kind == SampleKind::String && is_a_name(&found.text))?;
    let path = Path { jsonpath: place.path.clone(), pick: Pick::First };
    Some(Called { text: found.text.clone(), input: Input::Path(path), path: place.path.clone() })
}

fn is_a_name(text: &str) -> bool {
    !text.trim().is_empty() && text.len() <= LONGEST && !text.contains(char::is_control)
}

impl Called {
    /// Whether another sample says the same.
    pub(super) fn is_said_by(&self, sample: &Sample<'_>, shows: fn(&str) -> bool) -> bool {
        called(std::slice::from_ref(sample), shows)
            .is_some_and(|other| other.text == self.text && other.path == self.path)
    }

    /// The proposal to let nothing else pass.
    pub(super) fn filter(&self, same: usize, all: usize) -> Suggestion {
        let reason = format!("{same} of {} say so: other events want a workflow of their own", counted(all));
        Suggestion::new(Section::Filter, "equals", &self.path, &self.text, Confidence::High, reason)
    }
}

/// Words in what a sender calls an event, and the standard event that they stand for; the first that is found counts.
const STANDARD: &[(&[&str], &str)] = &[
    (&["refund", "refunded"], "Refund"),
    (&["no show", "noshow"], "ScheduleNoShow"),
    (&["donation", "donated"], "Donate"),
    (&["purchase", "purchased", "paid", "order", "orders", "sale"], "Purchase"),
    (&["checkout"], "InitiateCheckout"),
    (&["cart"], "AddToCart"),
    (&["trial"], "StartTrial"),
    (&["subscription", "subscribed", "subscribe"], "Subscribe"),
    (&["invitee", "booking", "booked", "appointment", "schedule", "scheduled", "meeting"], "Schedule"),
    (&["signup", "sign up", "registration", "registered", "register"], "CompleteRegistration"),
    (&["lead", "leads"], "Lead"),
    (&["form", "submission", "submitted", "response", "survey", "quiz"], "SubmitForm"),
    (&["contact"], "Contact"),
];
/// Words that say that something did not come about, or was undone.
const UNDONE: &[&str] = &[
    "canceled",
    "cancelled",
    "cancel",
    "deleted",
    "delete",
    "removed",
    "failed",
    "expired",
    "voided",
    "updated",
    "update",
    "abandoned",
    "unsubscribed",
    "declined",
    "rejected",
];

/// The name of the event.
pub(super) fn name(called: Option<&Called>, chosen: &[Candidate]) -> (Suggestion, String) {
    let suggestion = |name: &str, path: &str, sample: &str, confidence, reason: String| {
        (Suggestion::new(Section::EventName, name, path, sample, confidence, reason), name.to_owned())
    };
    if let Some(Called { text, path, .. }) = called {
        let said = words(text);
        let has = |all: &[&str]| all.iter().any(|word| contains(&said, word));
        let standard = STANDARD.iter().find(|(all, _)| has(all)).map(|(_, name)| *name);
        let standard = match standard {
            Some("Schedule") if has(&["canceled", "cancelled", "cancel"]) => Some("ScheduleCanceled"),
            found => found.filter(|_| !has(UNDONE)),
        };
        return match standard {
            Some(name) => {
                let reason = format!("the sender calls it `{text}`, which is the standard event {name}");
                suggestion(name, path, text, Confidence::Medium, reason)
            }
            None => {
                let reason = "what the sender calls it: no standard event is known by that name".to_owned();
                suggestion(text, path, text, Confidence::Low, reason)
            }
        };
    }
    let has = |target: &str| chosen.iter().any(|candidate| candidate.suggestion.target == target);
    if has("value") && has("currency") {
        let reason = "it has a sum and a currency: a purchase is assumed, choose another where it is none";
        return suggestion("Purchase", "", "", Confidence::Low, reason.to_owned());
    }
    let reason = "nothing says what happened: a lead is assumed, choose another where it is none";
    suggestion("Lead", "", "", Confidence::Low, reason.to_owned())
}
