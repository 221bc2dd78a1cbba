//! A description of the mapping language, for editors that draw it without knowing it.
//!
//! Every name is the one of the stored form, and every list is checked by the compiler to be complete.

mod operators;
mod steps;
mod words;

pub use crate::filter::Operand;
pub use operators::OperatorDescription;
pub use steps::{Parameter, ParameterType, StepDescription, step};
pub use words::Word;

use serde::Serialize;

use crate::identity::identifier::WEAK_TYPES;

/// A list of all variants of an enumeration: the match fails to compile when one is missing.
macro_rules! every {
    ($type:ident: $($variant:ident),+ $(,)?) => {{
        const fn _complete(variant: $type) {
            match variant { $($type::$variant => (),)+ }
        }
        [$($type::$variant),+]
    }};
}
pub(crate) use every;

/// The whole language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Language {
    /// The kinds of event.
    pub kinds: Vec<Word>,
    /// The types of user identifier; `external_id:` stands for every name that starts so.
    pub identifier_types: Vec<Word>,
    /// How conditions are joined.
    pub logics: Vec<Word>,
    /// How a condition compares.
    pub operators: Vec<OperatorDescription>,
    /// What is done to a value.
    pub steps: Vec<StepDescription>,
    /// Which of the nodes that a path finds.
    pub picks: Vec<Word>,
    /// What happens when nothing is found.
    pub on_empty: Vec<Word>,
    /// What a value is brought to.
    pub value_types: Vec<Word>,
    /// What is known of a message besides its payload.
    pub message_fields: Vec<Word>,
    /// How a question is compared.
    pub question_matches: Vec<Word>,
}

/// Describes the whole language.
pub fn language() -> Language {
    Language {
        kinds: words::kinds(),
        identifier_types: identifier_types(),
        logics: words::logics(),
        operators: operators::operators(),
        steps: steps::steps(),
        picks: words::picks(),
        on_empty: words::on_empty(),
        value_types: words::value_types(),
        message_fields: words::message_fields(),
        question_matches: words::question_matches(),
    }
}

fn identifier_types() -> Vec<Word> {
    let weak = |name: &'static str| {
        let label = match name {
            "cluid" => "Visitor id (cluid)",
            "fbp" => "Meta browser id",
            "ga_client_id" => "Google Analytics client id",
            "ttp" => "TikTok browser id",
            "anonymous_id" => "Anonymous id",
            other => other,
        };
        Word { name, label, help: "Ties a browser to a person; never joins two people." }
    };
    let mut types = vec![
        Word { name: "email", label: "E-mail", help: "An e-mail address of the person." },
        Word { name: "phone", label: "Phone", help: "A phone number of the person." },
        Word {
            name: "external_id:",
            label: "External id",
            help: "The person's id in another system; the name of the system follows the colon.",
        },
    ];
    types.extend(WEAK_TYPES.map(weak));
    types
}

#[cfg(test)]
mod tests;
