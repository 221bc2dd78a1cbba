//! How it was decided whose an event is, in the words of the contract.

use tributary_domain::{
    event::EventData,
    id::ProfileId,
    identity::{Identifier, Step},
};
use tributary_proto::admin::v1::{IdentityDecision, IdentityStep, identity_step::Action};

use crate::{
    convert::identifier::{to_proto as identifier, why},
    name::Names,
};

/// The decision that was stored with an event.
pub(crate) fn decision(names: Names, profile: Option<ProfileId>, data: &EventData) -> IdentityDecision {
    let merged = data.steps.iter().filter_map(|step| match step {
        Step::Merged { loser, .. } => Some(names.profile(*loser)),
        _ => None,
    });
    IdentityDecision {
        profile: profile.map(|profile| names.profile(profile)).unwrap_or_default(),
        created: data.created,
        merged_profiles: merged.collect(),
        steps: data.steps.iter().map(|step| to_proto(names, step)).collect(),
    }
}

fn to_proto(names: Names, step: &Step) -> IdentityStep {
    let blank = IdentityStep { text: text(step), ..IdentityStep::default() };
    match step {
        Step::Matched { profile, by } => IdentityStep {
            action: Action::Matched.into(),
            identifier: Some(identifier(by)),
            profile: names.profile(*profile),
            ..blank
        },
        Step::Created { profile } => {
            IdentityStep { action: Action::Created.into(), profile: names.profile(*profile), ..blank }
        }
        Step::Attached { identifier: attached } => {
            IdentityStep { action: Action::Attached.into(), identifier: Some(identifier(attached)), ..blank }
        }
        Step::Merged { winner, loser, by } => IdentityStep {
            action: Action::Merged.into(),
            identifier: Some(identifier(by)),
            profile: names.profile(*winner),
            other_profile: names.profile(*loser),
            ..blank
        },
        Step::Refused { identifier: refused, rule, other } => IdentityStep {
            action: Action::Refused.into(),
            identifier: Some(identifier(refused)),
            other_profile: names.profile(*other),
            rule: rule.as_str().to_owned(),
            ..blank
        },
        Step::Blocked { identifier: blocked } => {
            IdentityStep { action: Action::Blocked.into(), identifier: Some(identifier(blocked)), ..blank }
        }
    }
}

fn text(step: &Step) -> String {
    let named = |identifier: &Identifier| format!("{} {}", identifier.kind, identifier.value);
    match step {
        Step::Matched { profile, by } => format!("{} belongs to {profile}", named(by)),
        Step::Created { profile } => format!("nobody was found: {profile} was made"),
        Step::Attached { identifier } => format!("{} belonged to nobody and was attached", named(identifier)),
        Step::Merged { winner, loser, by } => {
            format!("{} showed that {loser} and {winner} are one person: they are {winner} now", named(by))
        }
        Step::Refused { identifier, rule, other } => {
            format!("{} did not join {other}: {}", named(identifier), why(*rule))
        }
        Step::Blocked { identifier } => {
            format!("{} is blocked by the tenant and counts for nothing", named(identifier))
        }
    }
}
