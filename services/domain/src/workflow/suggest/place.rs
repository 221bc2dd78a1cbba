//! The places of samples with what stands there, and the words that they are named with.

use std::collections::{HashMap, HashSet};

use super::Sample;
use crate::{
    mapping::{answer, value},
    sample::{self, SampleKind},
    workflow::compile::limits,
};

/// Longer answers are told, and are no value that is looked for.
const LONGEST_ANSWER: usize = 1024;

/// Words that say that what is below them is of somebody else than the person who did it: of whoever is booked, sells,
/// works there or is only mentioned.
const OF_OTHERS: &[&str] = &[
    "host",
    "hosts",
    "organizer",
    "organiser",
    "organizers",
    "organisers",
    "owner",
    "owners",
    "assignee",
    "assigned",
    "agent",
    "agents",
    "rep",
    "reps",
    "representative",
    "seller",
    "vendor",
    "merchant",
    "shop",
    "store",
    "staff",
    "employee",
    "employees",
    "admin",
    "administrator",
    "support",
    "sender",
    "reply",
    "cc",
    "bcc",
    "guest",
    "guests",
    "referrer",
    "referrers",
    "referred",
    "referral",
    "manager",
    "managers",
    "supervisor",
    "emergency",
    "creator",
    "updater",
    "editor",
    "membership",
    "memberships",
    "interviewer",
    "teacher",
    "instructor",
    "doctor",
    "practitioner",
    "advisor",
    "adviser",
    "consultant",
    "provider",
    "recruiter",
    "spouse",
    "partner",
];
/// The same where the words stand one after the other.
const OF_OTHERS_TOGETHER: &[&str] =
    &["created by", "updated by", "sent by", "booked by", "canceled by", "cancelled by"];

/// The field of forms' answers, in words.
const ANSWERS: &str = "questions and answers";

/// A place in a payload, with what the samples have there.
#[derive(Debug)]
pub(super) struct Place {
    /// Its JSONPath; empty for the answer to a question.
    pub(super) path: String,
    /// The question, where it is an answer.
    pub(super) question: Option<String>,
    /// The words of the field itself: `customerEmail` is `customer email`.
    pub(super) name: String,
    /// The words of the field that it lies in; empty at the top.
    pub(super) parent: String,
    /// Whether what is below a word that says so is of somebody else.
    pub(super) is_of_others: bool,
    /// Of each sample that has something there, what.
    pub(super) values: Vec<Found>,
}

/// What a sample has at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// Whether it is a text, a number or a flag.
    pub(super) kind: SampleKind,
    /// Its text.
    pub(super) text: String,
}

/// The places at which a sample has a value that is not empty, in the order of the samples. Of lists only the first element
/// is looked at: the others are more of the same. Places whose path `shows` does not let pass are left out.
pub(super) fn places(samples: &[Sample<'_>], shows: fn(&str) -> bool) -> Vec<Place> {
    let mut places: Vec<Place> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    for sample in samples {
        for value in sample::values(sample.body).0 {
            let is_single = matches!(value.kind, SampleKind::String | SampleKind::Number | SampleKind::Bool);
            if !is_single || value.value.trim().is_empty() || !shows(&value.path) {
                continue;
            }
            let Some(names) = names(&value.path) else { continue };
            // Answers stand at any place of their list: they are found by their questions.
            if names.iter().any(|name| name == ANSWERS) {
                continue;
            }
            let index = *known.entry(value.path.clone()).or_insert_with(|| {
                places.push(place(value.path.clone(), &names));
                places.len() - 1
            });
            places[index].values.push(Found { kind: value.kind, text: value.value });
        }
    }
    places.extend(answers(samples, shows));
    places
}

/// The answers of forms, each known by its question: the first that is not empty, as a workflow takes it. Of a sample no more
/// are looked at than values.
fn answers(samples: &[Sample<'_>], shows: fn(&str) -> bool) -> Vec<Place> {
    let mut places: Vec<Place> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    for given in samples {
        let mut asked = HashSet::new();
        for (question, answer) in answer::answers(given.body).take(sample::MOST_VALUES) {
            let key = question.trim().to_lowercase();
            let can_be_asked = !key.is_empty() && question.len() <= limits::QUESTION_BYTES && shows(question);
            if !can_be_asked || value::is_blank(answer) || !asked.insert(key.clone()) {
                continue;
            }
            let Some(text) = answer.as_str().filter(|text| text.len() <= LONGEST_ANSWER) else { continue };
            let index = *known.entry(key).or_insert_with(|| {
                places.push(Place {
                    path: String::new(),
                    question: Some(question.to_owned()),
                    is_of_others: is_of_others(&[words(question)]),
                    name: asked_for(&words(question)),
                    parent: String::new(),
                    values: Vec::new(),
                });
                places.len() - 1
            });
            places[index].values.push(Found { kind: SampleKind::String, text: text.to_owned() });
        }
    }
    places
}

/// What a question asks for, without the words around it.
fn asked_for(question: &str) -> String {
    let mut rest = question;
    for lead in ["please ", "what is ", "what s ", "enter ", "tell us ", "your "] {
        rest = rest.strip_prefix(lead).unwrap_or(rest);
    }
    rest.to_owned()
}

fn place(path: String, names: &[String]) -> Place {
    let name =
        |back: usize| names.len().checked_sub(back).map(|index| names[index].clone()).unwrap_or_default();
    Place {
        path,
        question: None,
        name: name(1),
        parent: name(2),
        is_of_others: is_of_others(names),
        values: Vec::new(),
    }
}

/// Whether one of the names says that what is below it is of somebody else.
pub(super) fn is_of_others(names: &[String]) -> bool {
    names.iter().any(|name| {
        name.split(' ').any(|word| OF_OTHERS.contains(&word))
            || OF_OTHERS_TOGETHER.iter().any(|words| contains(name, words))
    })
}

/// Whether `name` has these words, one after the other.
pub(super) fn contains(name: &str, words: &str) -> bool {
    format!(" {name} ").contains(&format!(" {words} "))
}

/// The fields that a path goes through, each in words. Nothing for a path through any but the first element of a list.
fn names(path: &str) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut rest = path.strip_prefix('$')?;
    while !rest.is_empty() {
        if let Some(quoted) = rest.strip_prefix("['") {
            let end = closing(quoted)?;
            names.push(words(&quoted[..end]));
            rest = &quoted[end + 2..];
        } else if let Some(indexed) = rest.strip_prefix('[') {
            let (index, after) = indexed.split_once(']')?;
            if index != "0" {
                return None;
            }
            rest = after;
        } else {
            let field = rest.strip_prefix('.')?;
            let end = field.find(['.', '[']).unwrap_or(field.len());
            names.push(words(&field[..end]));
            rest = &field[end..];
        }
    }
    Some(names)
}

/// Where a quoted name ends: at the first quote that is not escaped.
fn closing(quoted: &str) -> Option<usize> {
    let mut is_escaped = false;
    quoted.char_indices().find_map(|(index, letter)| {
        let ends = letter == '\'' && !is_escaped;
        is_escaped = letter == '\\' && !is_escaped;
        ends.then_some(index)
    })
}

/// A name in lower-case words: `customerEmail`, `customer_email` and `Customer e-mail` are `customer email`.
pub(super) fn words(name: &str) -> String {
    let mut words = String::new();
    let mut before = ' ';
    for letter in name.chars() {
        let begins = letter.is_uppercase() && (before.is_lowercase() || before.is_ascii_digit());
        if (begins || !letter.is_alphanumeric()) && !words.is_empty() && !words.ends_with(' ') {
            words.push(' ');
        }
        if letter.is_alphanumeric() {
            words.extend(letter.to_lowercase());
        }
        before = letter;
    }
    format!(" {} ", words.trim()).replace(" e mail ", " email ").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_words() {
        for (name, expected) in [
            ("customerEmail", "customer email"),
            ("Customer E-Mail", "customer email"),
            ("e_mail", "email"),
            ("UTM_Source", "utm source"),
            ("line1", "line1"),
            ("__", ""),
        ] {
            assert_eq!(words(name), expected, "{name}");
        }
    }

    #[test]
    fn paths_are_read_as_names() {
        let read = |path: &str| names(path);
        assert_eq!(read("$.a.firstName"), Some(vec!["a".to_owned(), "first name".to_owned()]));
        assert_eq!(read(r"$['it\'s'][0].x"), Some(vec!["it s".to_owned(), "x".to_owned()]));
        assert_eq!(read("$.a[1].b"), None, "more of the same");
    }

    #[test]
    fn what_is_of_others_is_known_by_its_names() {
        let of = |path: &str| is_of_others(&names(path).unwrap());
        for path in [
            "$.host.email",
            "$.payload.event_memberships[0].user_email",
            "$.ownerEmail",
            "$.created_by.email",
        ] {
            assert!(of(path), "{path}");
        }
        for path in ["$.payload.email", "$.customer.email", "$.ghost.email", "$.created.by"] {
            assert!(!of(path), "{path}");
        }
    }
}
