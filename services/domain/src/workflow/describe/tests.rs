use serde_json::{Value, json};

use super::*;
use crate::{
    identity::IdentifierType,
    workflow::spec::{Kind, Logic, Match, MessageField, OnEmpty, Op, Operator, Pick, Step, ValueType},
};

fn are_read<T: serde::de::DeserializeOwned>(names: impl IntoIterator<Item = &'static str>) {
    for name in names {
        assert!(serde_json::from_value::<T>(json!(name)).is_ok(), "{name}");
    }
}

#[test]
fn every_name_is_the_one_of_the_stored_form() {
    let language = language();
    let names = |words: &[Word]| words.iter().map(|word| word.name).collect::<Vec<_>>();
    are_read::<Kind>(names(&language.kinds));
    are_read::<Logic>(names(&language.logics));
    are_read::<Pick>(names(&language.picks));
    are_read::<OnEmpty>(names(&language.on_empty));
    are_read::<ValueType>(names(&language.value_types));
    are_read::<MessageField>(names(&language.message_fields));
    are_read::<Match>(names(&language.question_matches));
    are_read::<Operator>(language.operators.iter().map(|operator| operator.name));
}

#[test]
fn a_step_written_from_its_description_is_one() {
    for step in language().steps {
        let example = |parameter: &Parameter| match parameter.parameter_type {
            ParameterType::WholeNumber => json!(-1),
            ParameterType::Table => json!({ "a": 1 }),
            ParameterType::Choice => json!(parameter.choices[0].name),
            ParameterType::Country => json!("DE"),
            ParameterType::Text | ParameterType::Pattern | ParameterType::Value => json!("x"),
        };
        let op = match step.parameters.as_slice() {
            [] => json!(step.name),
            [only] if only.name.is_empty() => json!({ step.name: example(only) }),
            several => {
                let fields = several.iter().map(|one| (one.name.to_owned(), example(one))).collect();
                json!({ step.name: Value::Object(fields) })
            }
        };
        let read: Step = serde_json::from_value(json!({ "id": "s", "op": op })).unwrap();
        assert_eq!(steps::step(&read.op), step);
        assert!(!matches!(read.op, Op::Trim) || step.name == "trim");
    }
}

#[test]
fn identifier_types_are_those_of_identity() {
    for word in language().identifier_types {
        let name = if word.name.ends_with(':') { format!("{}crm", word.name) } else { word.name.to_owned() };
        assert!(IdentifierType::parse(&name).is_some(), "{name}");
        assert_ne!(word.label, word.name, "it has a label of its own");
    }
}
