//! Which places are proposed for what, how sure it is, and why.

use super::{
    Confidence, Sample, Suggestion,
    known::{BEFORE_A_NAME, GROUP_IDS, HOLDS_A_PERSON, HOLDS_AN_EVENT, KNOWN, Known, PERSON_IDS, Section},
    place::Place,
    shape::Shape,
};
use crate::{
    tenant::TenantSettings,
    workflow::spec::{Answer, Input, Match, MessageField, NamePart, Path, Pick},
};

/// A proposal, with what a mapping takes and how it compares with others.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) suggestion: Suggestion,
    pub(super) input: Input,
    /// The part of a name that is taken out of it.
    pub(super) part: Option<NamePart>,
    /// Smaller ones are better.
    rank: (u8, usize, bool),
}

/// How a place is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Named {
    /// As one of the names, by its number.
    Exactly(usize),
    /// As one of the names, with words before it.
    Below(usize),
    /// Otherwise.
    Not,
}

/// All proposals from places: those of a target together, the best first.
pub(super) fn candidates(
    places: &[Place],
    samples: &[Sample<'_>],
    tenant: &TenantSettings,
) -> Vec<Candidate> {
    let mut found: Vec<Candidate> = Vec::new();
    for known in KNOWN {
        let mut of_one: Vec<Candidate> =
            places.iter().filter_map(|place| candidate(known, place, samples, tenant)).collect();
        of_one.sort_by_key(|candidate| candidate.rank);
        found.extend(of_one);
    }
    found.extend(places.iter().filter_map(|place| of_an_id(place, samples, tenant)));
    found.sort_by_key(|candidate| candidate.suggestion.section);
    found
}

/// What the source itself finds.
pub(super) fn of_the_source(samples: &[Sample<'_>]) -> Option<Candidate> {
    let found: Vec<&str> = samples.iter().filter_map(|sample| sample.cluid).collect();
    let first = found.first()?;
    let reason = format!("the source finds it in {} of {}", found.len(), counted(samples.len()));
    Some(Candidate {
        suggestion: Suggestion::new(Section::Identifiers, "cluid", "", first, Confidence::High, reason),
        input: Input::Field(MessageField::Cluid),
        part: None,
        rank: (0, 0, false),
    })
}

pub(super) fn counted(samples: usize) -> String {
    if samples == 1 { "1 sample".to_owned() } else { format!("{samples} samples") }
}

fn candidate(
    known: &Known,
    place: &Place,
    samples: &[Sample<'_>],
    tenant: &TenantSettings,
) -> Option<Candidate> {
    if place.is_of_others && known.section.is_of_the_person() {
        return None;
    }
    let named = named(known, place);
    let is_proposed = named != Named::Not || known.by_shape;
    if !is_proposed || !fits(known.shape, place, samples, tenant) {
        return None;
    }
    let has_all = place.values.len() == samples.len();
    let is_elsewhere = matches!(known.section, Section::EventTime | Section::EventId)
        && !HOLDS_AN_EVENT.contains(&place.parent.as_str());
    let is_unmistakable = matches!(known.shape, Shape::Cluid | Shape::Fbp);
    let confidence = match named {
        _ if is_unmistakable => Confidence::High,
        _ if is_elsewhere => Confidence::Low,
        Named::Exactly(_) if has_all => Confidence::High,
        Named::Exactly(_) | Named::Below(_) => Confidence::Medium,
        Named::Not => Confidence::Low,
    };
    let looks = known.shape.words();
    let reason = match named {
        _ if is_elsewhere => {
            format!(
                "named like {}, but it lies in `{}`, which may be something else",
                known.words, place.parent
            )
        }
        Named::Not if is_unmistakable => format!("it is written as only {looks} is"),
        Named::Not => format!("it only looks like {looks}: it is not named like one"),
        Named::Exactly(_) | Named::Below(_) => {
            format!("named like {}, and {}", known.words, share(place, samples))
        }
    };
    let number = match named {
        Named::Exactly(number) | Named::Below(number) => number,
        Named::Not => usize::MAX,
    };
    // What lies at the top is often about the delivery and not about what is delivered.
    let is_at_top = known.section == Section::EventTime && place.parent.is_empty();
    let rank = (rank_of(confidence), number, is_at_top);
    Some(of(place, known.section, known.target, confidence, reason, rank))
}

fn rank_of(confidence: Confidence) -> u8 {
    match confidence {
        Confidence::High => 0,
        Confidence::Medium => 1,
        Confidence::Low => 2,
    }
}

fn of(
    place: &Place,
    section: Section,
    target: &str,
    confidence: Confidence,
    reason: String,
    rank: (u8, usize, bool),
) -> Candidate {
    let sample_value = place.values.first().map_or("", |found| found.text.as_str());
    let (input, reason) = match &place.question {
        Some(question) => {
            let answer = Answer { question: question.clone(), matching: Match::Exact };
            (Input::Answer(answer), format!("the answer to \"{question}\": {reason}"))
        }
        None => (Input::Path(Path { jsonpath: place.path.clone(), pick: Pick::First }), reason),
    };
    Candidate {
        suggestion: Suggestion::new(section, target, &place.path, sample_value, confidence, reason),
        input,
        part: None,
        rank,
    }
}

/// How many of the samples have what was looked for.
fn share(place: &Place, samples: &[Sample<'_>]) -> String {
    match (place.values.len(), samples.len()) {
        (_, 1) => "the sample is one".to_owned(),
        (some, all) if some == all => format!("every one of {all} samples is one"),
        (some, all) => format!("{some} of {all} samples have one"),
    }
}

/// Whether every value at a place is what it has to be: one that is not is enough to say no.
fn fits(shape: Shape, place: &Place, samples: &[Sample<'_>], tenant: &TenantSettings) -> bool {
    let received = samples.iter().map(|sample| sample.received).max().unwrap_or_default();
    place.values.iter().all(|found| shape.fits(found, received, tenant))
}

fn named(known: &Known, place: &Place) -> Named {
    if let Some(number) = known.names.iter().position(|name| *name == place.name) {
        // A bare name is that of whatever it lies in.
        let is_of_a_thing = known.target == "name"
            && place.name == "name"
            && !HOLDS_A_PERSON.contains(&place.parent.as_str());
        return if is_of_a_thing { Named::Not } else { Named::Exactly(number) };
    }
    let is_below = |name: &str| {
        let before = place.name.strip_suffix(name).and_then(|before| before.strip_suffix(' '));
        before.is_some_and(|before| {
            known.shape == Shape::Email || before.split(' ').all(|word| BEFORE_A_NAME.contains(&word))
        })
    };
    let takes_words = !matches!(known.shape, Shape::Number | Shape::Past | Shape::Id | Shape::Flag);
    let found = known.names.iter().position(|name| is_below(name)).filter(|_| takes_words);
    found.map_or(Named::Not, Named::Below)
}

/// An id that another system knows a person or a group by: `customer_id`, or the `id` of a `customer`.
fn of_an_id(place: &Place, samples: &[Sample<'_>], tenant: &TenantSettings) -> Option<Candidate> {
    let system = match place.name.as_str() {
        "id" => place.parent.as_str(),
        name => name.strip_suffix(" id")?,
    };
    if place.is_of_others || !fits(Shape::Id, place, samples, tenant) {
        return None;
    }
    let confidence = if place.values.len() == samples.len() { Confidence::Medium } else { Confidence::Low };
    let rank = (rank_of(confidence), 0, false);
    let reason = format!("named like the id of a {system}, and {}", share(place, samples));
    if PERSON_IDS.contains(&system) {
        let target = format!("external_id:{system}");
        return Some(of(place, Section::Identifiers, &target, confidence, reason, rank));
    }
    if GROUP_IDS.contains(&system) {
        let target = format!("{system}_id");
        return Some(of(place, Section::GroupIdentities, &target, confidence, reason, rank));
    }
    None
}
