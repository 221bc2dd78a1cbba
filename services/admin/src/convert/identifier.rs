//! Identifiers, and the rules that keep people apart.

use tributary_domain::identity::{Identifier, Refusal};
use tributary_proto::admin::v1 as proto;

/// An identifier as the contract has it.
pub(crate) fn to_proto(identifier: &Identifier) -> proto::Identifier {
    proto::Identifier {
        r#type: identifier.kind.to_string(),
        value: identifier.value.clone(),
        raw: identifier.raw.clone().unwrap_or_default(),
    }
}

/// Why a rule refuses a join, in words.
pub(crate) fn why(rule: Refusal) -> &'static str {
    match rule {
        Refusal::NeverJoin => "a person decided that these two are not one",
        Refusal::UniqueValue => "a profile has one value of this type, and there would be two",
        Refusal::WeakEvidence => {
            "a browser alone does not bring two people together who are known by different e-mails, phones or ids"
        }
        Refusal::StrongLimit => "the profile would have more values of this type than the tenant allows",
    }
}

/// The rule with this name in rows and logs.
pub(crate) fn refusal(name: &str) -> Option<Refusal> {
    let all = [Refusal::NeverJoin, Refusal::UniqueValue, Refusal::WeakEvidence, Refusal::StrongLimit];
    all.into_iter().find(|rule| rule.as_str() == name)
}
