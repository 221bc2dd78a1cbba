//! Mappings that are proposed from samples: by how fields are named and by what stands there, each with the reason.
//!
//! A proposal is a guess that a person confirms, so it errs towards silence: one sample with something else at a place is
//! enough not to propose it, and what is named as somebody else's is never the person's.

mod build;
mod choose;
mod event;
mod known;
mod place;
mod shape;

#[cfg(test)]
mod tests;

use std::collections::HashSet;

use serde_json::Value;

pub use known::Section;

use self::{choose::Candidate, event::Called};
use super::spec::WorkflowSpec;
use crate::{tenant::TenantSettings, time::Timestamp};

/// More are not proposed.
const MOST: usize = 100;

/// A message to learn from.
#[derive(Debug, Clone, Copy)]
pub struct Sample<'a> {
    /// Its body.
    pub body: &'a Value,
    /// When it was received.
    pub received: Timestamp,
    /// The provider's own name of the event, where the source reads one.
    pub provider_event: Option<&'a str>,
    /// The cluid, where the source finds one.
    pub cluid: Option<&'a str>,
}

/// How sure a proposal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidence {
    /// It is only shaped like one, or only named like one.
    Low,
    /// It is probably one.
    Medium,
    /// It is named like one, and every sample is one.
    High,
}

/// A mapping that is proposed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion {
    /// Where it belongs.
    pub section: Section,
    /// What it fills.
    pub target: String,
    /// The JSONPath of its value; empty where it comes from no place of the payload.
    pub path: String,
    /// A value that stands there.
    pub sample_value: String,
    /// How sure it is.
    pub confidence: Confidence,
    /// Why.
    pub reason: String,
    /// Whether it is in the draft.
    pub in_spec: bool,
}

impl Suggestion {
    fn new(
        section: Section,
        target: &str,
        path: &str,
        sample_value: &str,
        confidence: Confidence,
        reason: String,
    ) -> Self {
        let (target, path, sample_value) = (target.to_owned(), path.to_owned(), sample_value.to_owned());
        Self { section, target, path, sample_value, confidence, reason, in_spec: false }
    }
}

/// What is proposed.
#[derive(Debug, Clone, PartialEq)]
pub struct Suggestions {
    /// The proposals: those of a section together, the surest first.
    pub list: Vec<Suggestion>,
    /// A draft of those that are sure enough; nothing where none tells who a message is of.
    pub spec: Option<WorkflowSpec>,
}

/// Proposes mappings from samples, the newest first, by the settings of their tenant. What stands at a path that `shows` does not
/// let pass is left out: who asks may not see a field that is named after somebody, and a draft has to name its fields.
pub fn suggest(samples: &[Sample<'_>], tenant: &TenantSettings, shows: fn(&str) -> bool) -> Suggestions {
    let called = event::called(samples, shows);
    // What other events have is for workflows of their own.
    let alike: Vec<Sample<'_>> = samples
        .iter()
        .filter(|sample| called.as_ref().is_none_or(|called| called.is_said_by(sample, shows)))
        .copied()
        .collect();
    let mut found: Vec<Candidate> = choose::of_the_source(&alike).into_iter().collect();
    let is_read = !found.is_empty();
    found.extend(choose::candidates(&place::places(&alike, shows), &alike, tenant));
    let chosen = choose(&mut found);
    let (mut name, event_name) = event::name(called.as_ref(), &chosen);
    let spec = build::spec(&chosen, called.as_ref(), &event_name);
    let mut list: Vec<Suggestion> = Vec::new();
    list.extend(cluid_path(&found).filter(|_| !is_read));
    if !samples.is_empty() {
        list.extend(called.as_ref().map(|called: &Called| {
            let filter = called.filter(alike.len(), samples.len());
            Suggestion { in_spec: spec.is_some(), ..filter }
        }));
        name.in_spec = spec.is_some();
        list.push(name);
    }
    let is_draft = spec.is_some();
    list.extend(found.into_iter().map(|candidate| candidate.suggestion));
    for suggestion in &mut list {
        suggestion.in_spec &= is_draft;
    }
    list.sort_by(|left, right| {
        (left.section, std::cmp::Reverse(left.in_spec), std::cmp::Reverse(left.confidence)).cmp(&(
            right.section,
            std::cmp::Reverse(right.in_spec),
            std::cmp::Reverse(right.confidence),
        ))
    });
    list.truncate(MOST);
    Suggestions { list, spec }
}

/// Marks of each target the best one that is sure enough, and returns those.
fn choose(found: &mut Vec<Candidate>) -> Vec<Candidate> {
    let mut taken: HashSet<(Section, String)> = HashSet::new();
    let lone_email = lone(found, "email");
    for candidate in found.iter_mut() {
        let suggestion = &mut candidate.suggestion;
        let is_sure =
            suggestion.confidence >= Confidence::Medium || (lone_email && suggestion.target == "email");
        let key = (suggestion.section, suggestion.target.clone());
        suggestion.in_spec = is_sure && taken.insert(key);
    }
    let full = found.iter().find(|candidate| {
        candidate.suggestion.in_spec
            && (candidate.suggestion.section, candidate.suggestion.target.as_str())
                == (Section::UserTraits, "name")
    });
    let parts: Vec<Candidate> = full.map(build::name_parts).into_iter().flatten().collect();
    let missing = |part: &Candidate| !taken.contains(&(Section::UserTraits, part.suggestion.target.clone()));
    found.extend(parts.into_iter().filter(missing));
    limit_identifiers(found);
    found.iter().filter(|candidate| candidate.suggestion.in_spec).cloned().collect()
}

/// Whether there is one place only that something could be.
fn lone(found: &[Candidate], target: &str) -> bool {
    let of = found.iter().filter(|candidate| {
        candidate.suggestion.section == Section::Identifiers && candidate.suggestion.target == target
    });
    of.count() == 1
}

/// A workflow takes three identifiers.
fn limit_identifiers(found: &mut [Candidate]) {
    let mut of: Vec<&mut Candidate> = found
        .iter_mut()
        .filter(|candidate| {
            candidate.suggestion.in_spec && candidate.suggestion.section == Section::Identifiers
        })
        .collect();
    of.sort_by_key(|candidate| build::preference(&candidate.suggestion.target));
    for candidate in of.into_iter().skip(build::MOST_IDENTIFIERS) {
        candidate.suggestion.in_spec = false;
    }
}

/// Where the source is to look for the cluid, when it found none and one stands there.
fn cluid_path(found: &[Candidate]) -> Option<Suggestion> {
    let place = found.iter().map(|candidate| &candidate.suggestion).find(|suggestion| {
        suggestion.section == Section::Identifiers
            && suggestion.target == "cluid"
            && !suggestion.path.is_empty()
    })?;
    Some(Suggestion {
        section: Section::SourceSettings,
        target: "cluid_path".to_owned(),
        reason:
            "a cluid stands here, and the source looks elsewhere: then its log and every workflow know it"
                .to_owned(),
        in_spec: false,
        ..place.clone()
    })
}
