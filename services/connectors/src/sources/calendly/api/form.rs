//! Answers of routing forms as the API shows them, in the shape in which webhooks tell of them; and what no list shows.

use serde_json::Value;

use super::{
    Delivery,
    booking::{UNMARKED, envelope, time},
};

/// What webhooks call an answer of a routing form.
pub const ROUTING_FORMS: &str = "routing_form_submission.created";

/// What a webhook told of an answer: it has the answer itself, as it is. `creator` is whose subscription it is. Nothing of what
/// has no time.
pub fn answered(submission: &Value, creator: &str) -> Option<Delivery> {
    let at = time(&submission["created_at"])?;
    Some(Delivery { at, body: envelope(ROUTING_FORMS, at, creator, submission) })
}

/// What is told of and cannot always be found again where it was missed, with what becomes of it, by the provider's name of it.
const UNSEEN: [(&str, &str); 3] = [
    (
        "invitee_no_show.created",
        "marks made and taken back while nothing was delivered, and those of meetings that began more than seven \
         days before, are not found",
    ),
    (
        UNMARKED,
        "calendly keeps no record of it: it is found where a mark is known here and gone there, for meetings that \
         began in the seven days before, with the time at which it was looked for",
    ),
    (ROUTING_FORMS, "answers to a form that was deleted since are not found"),
];

/// Of these `kinds`, what cannot always be found again: each with its reason, for people.
pub fn unseen<K: AsRef<str>>(kinds: &[K]) -> Vec<String> {
    let is_told = |kind: &str| kinds.iter().any(|known| known.as_ref() == kind);
    UNSEEN.iter().filter(|(kind, _)| is_told(kind)).map(|(kind, why)| format!("{kind}: {why}")).collect()
}
