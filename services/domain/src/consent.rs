//! Consent: what a person agreed to, and what of it a destination asks for.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{identity::Traits, workflow::event::EventDraft};

/// How many purposes a rule can name.
pub const MOST_PURPOSES: usize = 20;

/// What a person must have agreed to before an event goes to a destination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentRule {
    /// The names of the consents, as workflows fill them. All of them have to be granted.
    pub purposes: Vec<String>,
    /// Whether a consent of which nothing is known counts as granted.
    pub allow_unknown: bool,
}

/// How a person stands to one purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    /// They agreed.
    Granted,
    /// They did not, or not any more.
    Denied,
    /// Nothing is known, or nothing that says yes or no.
    Unknown,
}

/// Why an event must not go to a destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal<'a> {
    /// The purpose that decided it.
    pub purpose: &'a str,
    /// Whether nothing is known of it; else it is denied.
    pub is_unknown: bool,
}

impl Consent {
    /// What a value says, in any case: true, 1, `true`, `yes`, `y`, `on`, `granted`, `accepted`, `allowed` and `opt_in`, or
    /// their opposites. Anything else, such as a list or another word, says nothing.
    pub fn of(value: Option<&Value>) -> Self {
        let is = |granted: bool| if granted { Self::Granted } else { Self::Denied };
        match value {
            Some(Value::Bool(granted)) => is(*granted),
            Some(Value::Number(number)) => match number.as_f64() {
                Some(1.0) => Self::Granted,
                Some(0.0) => Self::Denied,
                _ => Self::Unknown,
            },
            Some(Value::String(text)) => {
                match text.trim().to_ascii_lowercase().replace(['-', ' '], "_").as_str() {
                    "true" | "1" | "yes" | "y" | "on" | "granted" | "accepted" | "allowed" | "opt_in" => {
                        is(true)
                    }
                    "false" | "0" | "no" | "n" | "off" | "denied" | "declined" | "rejected" | "refused"
                    | "withdrawn" | "opt_out" => is(false),
                    _ => Self::Unknown,
                }
            }
            Some(Value::Null | Value::Array(_) | Value::Object(_)) | None => Self::Unknown,
        }
    }
}

impl ConsentRule {
    /// Why an event of somebody with these traits must not go there: what they said last counts, whichever event said it;
    /// where nothing is known of them, what this one says.
    pub fn refusal_of(&self, traits: Option<&Traits>, draft: &EventDraft) -> Option<Refusal<'_>> {
        self.refusal(|purpose| {
            traits.and_then(|traits| traits.consent(purpose)).or_else(|| draft.consents.get(purpose))
        })
    }

    /// Why an event must not go there; nothing when it may. `known` tells the value of a consent. What is denied is told
    /// before what is unknown.
    pub fn refusal<'a, 'v>(&'a self, known: impl Fn(&str) -> Option<&'v Value>) -> Option<Refusal<'a>> {
        let stand = |purpose: &&String| Consent::of(known(purpose));
        let denied = self.purposes.iter().find(|purpose| stand(purpose) == Consent::Denied);
        if let Some(purpose) = denied {
            return Some(Refusal { purpose, is_unknown: false });
        }
        let unknown = self.purposes.iter().find(|purpose| stand(purpose) == Consent::Unknown);
        unknown.filter(|_| !self.allow_unknown).map(|purpose| Refusal { purpose, is_unknown: true })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, json};

    use super::*;

    #[test]
    fn values_say_yes_or_no_or_nothing() {
        for yes in [json!(true), json!(1), json!(1.0), json!("Yes"), json!(" GRANTED "), json!("opt-in")] {
            assert_eq!(Consent::of(Some(&yes)), Consent::Granted, "{yes}");
        }
        for no in [json!(false), json!(0), json!("no"), json!("Denied"), json!("opt out")] {
            assert_eq!(Consent::of(Some(&no)), Consent::Denied, "{no}");
        }
        for nothing in
            [json!(null), json!(2), json!(""), json!("maybe"), json!(["yes"]), json!({"yes": true})]
        {
            assert_eq!(Consent::of(Some(&nothing)), Consent::Unknown, "{nothing}");
        }
        assert_eq!(Consent::of(None), Consent::Unknown);
    }

    #[test]
    fn what_is_denied_is_told_before_what_is_unknown() {
        let rule = ConsentRule { purposes: vec!["ads".to_owned(), "mail".to_owned()], allow_unknown: false };
        let known: Map<String, Value> = [("mail".to_owned(), json!(false))].into_iter().collect();
        let refusal = rule.refusal(|purpose| known.get(purpose));
        assert_eq!(refusal, Some(Refusal { purpose: "mail", is_unknown: false }));
        let refusal = rule.refusal(|_| None);
        assert_eq!(refusal, Some(Refusal { purpose: "ads", is_unknown: true }));
    }

    proptest! {
        /// The rule said in one line: every purpose is granted, or unknown where that will do.
        #[test]
        fn an_event_goes_where_every_purpose_allows_it(
            stands in prop::collection::vec(prop::option::of(any::<bool>()), 1..6),
            allow_unknown in any::<bool>(),
        ) {
            let purposes: Vec<String> = (0..stands.len()).map(|number| number.to_string()).collect();
            let known: Map<String, Value> = purposes
                .iter()
                .zip(&stands)
                .filter_map(|(purpose, stand)| Some((purpose.clone(), json!((*stand)?))))
                .collect();
            let rule = ConsentRule { purposes, allow_unknown };
            let may = stands.iter().all(|stand| stand.unwrap_or(allow_unknown));
            prop_assert_eq!(rule.refusal(|purpose| known.get(purpose)).is_none(), may);
        }
    }
}
