//! The mapping language and the standard names, described in the words of the contract.

use tributary_domain::workflow::{
    catalogue,
    describe::{self, Operand, ParameterType, StepDescription},
};
use tributary_proto::admin::v1::{
    self as proto, EventDefinition, MappingLanguage, OperatorDescription, Parameter, TraitDefinition, Word,
    condition, event_definition, operator_description, parameter,
};

use crate::convert::enums::Twin;

/// The whole language.
pub(super) fn describe() -> MappingLanguage {
    let language = describe::language();
    MappingLanguage {
        kinds: words("KIND_", &language.kinds),
        identifier_types: language
            .identifier_types
            .iter()
            .map(|found| word(found.name.to_owned(), found))
            .collect(),
        logics: words("LOGIC_", &language.logics),
        operators: language.operators.iter().map(operator).collect(),
        steps: language.steps.iter().map(step).collect(),
        picks: words("PICK_", &language.picks),
        on_empty: words("ON_EMPTY_", &language.on_empty),
        value_types: words("VALUE_TYPE_", &language.value_types),
        message_fields: words("MESSAGE_FIELD_", &language.message_fields),
        question_matches: words("MATCH_", &language.question_matches),
    }
}

/// Choices whose names in the contract are those of the stored form with `prefix`, in capitals.
fn words(prefix: &str, found: &[describe::Word]) -> Vec<Word> {
    found.iter().map(|found| word(contract_name(prefix, found.name), found)).collect()
}

fn word(name: String, found: &describe::Word) -> Word {
    Word { name, label: found.label.to_owned(), help: found.help.to_owned() }
}

fn contract_name(prefix: &str, name: &str) -> String {
    format!("{prefix}{}", name.to_ascii_uppercase())
}

fn operator(found: &describe::OperatorDescription) -> OperatorDescription {
    use operator_description::Operand as Twin;
    let op = condition::Operator::from_str_name(&contract_name("OPERATOR_", found.name));
    let operand = match found.operand {
        Operand::Nothing => Twin::Nothing,
        Operand::Value => Twin::Value,
        Operand::Text => Twin::Text,
        Operand::Pattern => Twin::Pattern,
        Operand::Number => Twin::Number,
        Operand::Time => Twin::Time,
        Operand::Values => Twin::Values,
    };
    OperatorDescription {
        op: op.unwrap_or_default().into(),
        label: found.label.to_owned(),
        operand: operand.into(),
    }
}

fn step(found: &StepDescription) -> proto::StepDescription {
    // In the stored form a step can be its only parameter; in the contract that is a field with a name.
    let (only, prefix) = match found.name {
        "case" => ("to", "TO_"),
        "split_name" => ("part", "PART_"),
        "to_date" => ("format", "FORMAT_"),
        _ => ("value", ""),
    };
    let parameters = found.parameters.iter().map(|found| Parameter {
        field: if found.name.is_empty() { only } else { found.name }.to_owned(),
        label: found.label.to_owned(),
        r#type: parameter_type(found.parameter_type).into(),
        required: found.required,
        choices: words(prefix, &found.choices),
    });
    proto::StepDescription {
        field: found.name.to_owned(),
        label: found.label.to_owned(),
        help: found.help.to_owned(),
        parameters: parameters.collect(),
    }
}

fn parameter_type(found: ParameterType) -> parameter::Type {
    match found {
        ParameterType::Text => parameter::Type::Text,
        ParameterType::WholeNumber => parameter::Type::WholeNumber,
        ParameterType::Pattern => parameter::Type::Pattern,
        ParameterType::Table => parameter::Type::Table,
        ParameterType::Value => parameter::Type::Value,
        ParameterType::Choice => parameter::Type::Choice,
        ParameterType::Country => parameter::Type::Country,
    }
}

/// A standard event as the contract has it.
pub(super) fn event(found: &catalogue::EventDefinition) -> EventDefinition {
    EventDefinition {
        event_name: found.name.to_owned(),
        label: found.label.to_owned(),
        help: found.help.to_owned(),
        attributes: found.attributes.iter().map(|name| (*name).to_owned()).collect(),
        attribute_definitions: found.attributes.iter().map(|name| attribute(name)).collect(),
        custom: false,
        expected_attributes: found.expected.iter().map(|name| (*name).to_owned()).collect(),
        platform_names: found.names.known().map(platform_name).collect(),
    }
}

fn platform_name((platform, name): (&str, &str)) -> event_definition::PlatformName {
    event_definition::PlatformName { platform: platform.to_owned(), event_name: name.to_owned() }
}

/// A standard trait as the contract has it.
pub(super) fn user_trait(found: &catalogue::TraitDefinition) -> TraitDefinition {
    TraitDefinition {
        target: found.name.to_owned(),
        label: found.label.to_owned(),
        help: found.help.to_owned(),
        value_type: found.value_type.number(),
        custom: false,
    }
}

fn attribute(name: &str) -> event_definition::Attribute {
    event_definition::Attribute {
        target: name.to_owned(),
        value_type: catalogue::attribute_type(name).number(),
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;
    use prost_types::FileDescriptorSet;

    use super::*;

    fn enum_values() -> Vec<String> {
        let set = FileDescriptorSet::decode(tributary_proto::FILE_DESCRIPTOR_SET).unwrap();
        let messages = set.file.into_iter().flat_map(|file| file.message_type);
        let nested = messages.flat_map(|message| {
            let deeper: Vec<_> =
                message.nested_type.iter().flat_map(|inner| inner.enum_type.clone()).collect();
            message.enum_type.into_iter().chain(deeper)
        });
        nested.flat_map(|found| found.value).filter_map(|value| value.name).collect()
    }

    /// The fields of `Step.<Message>` for the step `field`.
    fn step_fields(field: &str) -> Vec<String> {
        let set = FileDescriptorSet::decode(tributary_proto::FILE_DESCRIPTOR_SET).unwrap();
        let step = set
            .file
            .iter()
            .flat_map(|file| &file.message_type)
            .find(|message| message.name() == "Step")
            .unwrap();
        let of = step
            .field
            .iter()
            .find(|found| found.name() == field)
            .unwrap()
            .type_name()
            .rsplit('.')
            .next()
            .unwrap();
        let message = step.nested_type.iter().find(|inner| inner.name() == of).unwrap();
        message.field.iter().map(|field| field.name().to_owned()).collect()
    }

    #[test]
    fn every_name_is_one_of_the_contract() {
        let (language, known) = (describe(), enum_values());
        let lists = [
            &language.kinds,
            &language.logics,
            &language.picks,
            &language.on_empty,
            &language.value_types,
            &language.message_fields,
            &language.question_matches,
        ];
        let choices =
            language.steps.iter().flat_map(|step| &step.parameters).flat_map(|parameter| &parameter.choices);
        for word in lists.into_iter().flatten().chain(choices) {
            assert!(known.contains(&word.name), "{}", word.name);
        }
        assert!(language.operators.iter().all(|operator| operator.op != 0));
        assert_eq!(language.operators.len(), 19);
    }

    #[test]
    fn every_parameter_is_a_field_of_its_step() {
        let language = describe();
        assert_eq!(language.steps.len(), 12);
        for step in &language.steps {
            let fields = step_fields(&step.field);
            for parameter in &step.parameters {
                assert!(fields.contains(&parameter.field), "{}.{}", step.field, parameter.field);
            }
        }
    }
}
