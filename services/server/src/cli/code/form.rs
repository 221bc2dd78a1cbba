//! Messages of the contract as they are written in a file: the JSON of protocol buffers, with the fields' own names
//! (`display_name`), with short names of enumerations (`equals` for `OPERATOR_EQUALS`), with numbers as numbers, and
//! without what is not said because it is so anyway; a path may be its JSONPath alone. What means the same is written the same, so that two can be compared.

use std::collections::BTreeMap;

use anyhow::Context;
use prost::Message;
use prost_reflect::{
    Cardinality, DynamicMessage, EnumDescriptor, FieldDescriptor, Kind, MapKey, MessageDescriptor,
    ReflectMessage, Value,
};
use serde_json::Value as Json;

use super::{
    fault::Faults,
    path::{element, member},
    tree::Tree,
};
use crate::cli::output::{Contract, descriptor, dynamic};

/// Enumerations whose first value is what is taken when nothing is said, as the contract says.
const DEFAULTED: [&str; 9] = [
    "tributary.admin.v1.ConsentRule.WhenUnknown",
    "tributary.admin.v1.TenantRole",
    "tributary.admin.v1.WorkflowSpec.Kind",
    "tributary.admin.v1.Mapping.ValueType",
    "tributary.admin.v1.Mapping.OnEmpty",
    "tributary.admin.v1.Path.Pick",
    "tributary.admin.v1.Answer.Match",
    "tributary.admin.v1.Group.Logic",
    "tributary.admin.v1.Step.ToDate.Format",
];
const TO_DATE: &str = "tributary.admin.v1.Step.ToDate";
const FORMAT_PATTERN: i32 = 4;
/// A place in the payload is written as its JSONPath alone where nothing more is said.
const PATH: &str = "tributary.admin.v1.Path";
const JSONPATH: &str = "jsonpath";

/// A message as it is written.
///
/// # Errors
/// When the build's descriptors do not fit.
pub(super) fn write<T: Contract>(message: &T) -> anyhow::Result<Tree> {
    written(&dynamic(message)?)
}

/// The message that is written at `path`; what is wrong with it goes to `faults`.
///
/// # Errors
/// When the build's descriptors do not fit.
pub(super) fn read<T: Contract + Default>(json: &Json, path: &str, faults: &mut Faults) -> anyhow::Result<T> {
    let before = faults.0.len();
    let message = message(json, &descriptor(T::NAME)?, path, faults);
    if faults.0.len() > before {
        return Ok(T::default());
    }
    T::decode(message.encode_to_vec().as_slice()).context("the contract's descriptors do not fit")
}

fn written(message: &DynamicMessage) -> anyhow::Result<Tree> {
    let name = message.descriptor().full_name().to_owned();
    if is_well_known(&name) {
        return Ok(Tree::of(&plain(serde_json::to_value(message)?)));
    }
    // A pattern says by itself that there is one.
    let has_pattern =
        name == TO_DATE && message.get_field_by_name("pattern").is_some_and(|it| it.as_str() != Some(""));
    let mut members = Vec::new();
    for field in message.descriptor().fields() {
        if !message.has_field(&field) {
            continue;
        }
        let value = message.get_field(&field);
        let number = value.as_enum_number();
        let is_said_by_pattern = has_pattern && number == Some(FORMAT_PATTERN);
        if is_said_by_pattern || (number == Some(1) && is_defaulted(&field)) {
            continue;
        }
        members.push((field.name().to_owned(), of_value(&field.kind(), &value)?));
    }
    Ok(match members.as_slice() {
        [(field, path)] if name == PATH && field == JSONPATH => path.clone(),
        _ => Tree::Map(members),
    })
}

fn of_value(kind: &Kind, value: &Value) -> anyhow::Result<Tree> {
    Ok(match value {
        Value::Message(message) => written(message)?,
        Value::List(items) => {
            Tree::List(items.iter().map(|item| of_value(kind, item)).collect::<anyhow::Result<_>>()?)
        }
        Value::Map(entries) => {
            let kind = map_value(kind);
            let sorted: BTreeMap<String, &Value> = entries
                .iter()
                .map(|(key, value)| (key.as_str().unwrap_or_default().to_owned(), value))
                .collect();
            let members = sorted.into_iter().map(|(key, value)| Ok((key, of_value(&kind, value)?)));
            Tree::Map(members.collect::<anyhow::Result<_>>()?)
        }
        Value::EnumNumber(number) => {
            let names = kind.as_enum().and_then(|names| Some(short(names, names.get_value(*number)?.name())));
            names.map_or_else(|| Tree::Leaf((*number).into()), |name| Tree::Leaf(name.into()))
        }
        Value::Bool(flag) => Tree::Leaf((*flag).into()),
        Value::I32(number) => Tree::Leaf((*number).into()),
        Value::I64(number) => Tree::Leaf((*number).into()),
        Value::U32(number) => Tree::Leaf((*number).into()),
        Value::U64(number) => Tree::Leaf((*number).into()),
        Value::F64(number) => Tree::Leaf((*number).into()),
        Value::F32(number) => Tree::Leaf((*number).into()),
        Value::String(text) => Tree::Leaf(text.as_str().into()),
        Value::Bytes(_) => anyhow::bail!("bytes are not written in files"),
    })
}

/// The kind of a map's values; of anything else, its own.
fn map_value(kind: &Kind) -> Kind {
    match kind {
        Kind::Message(entry) if entry.is_map_entry() => entry.map_entry_value_field().kind(),
        other => other.clone(),
    }
}

/// Whole numbers without a fraction: a number of the contract is a double.
fn plain(json: Json) -> Json {
    match json {
        Json::Number(number) => {
            let whole = number.as_f64().filter(|it| it.fract() == 0.0 && it.abs() < 9_007_199_254_740_992.0);
            whole.map_or(Json::Number(number), |whole| (whole as i64).into())
        }
        Json::Array(items) => items.into_iter().map(plain).collect(),
        Json::Object(members) => members.into_iter().map(|(key, value)| (key, plain(value))).collect(),
        other => other,
    }
}

fn is_well_known(name: &str) -> bool {
    name.starts_with("google.protobuf.")
}

fn is_defaulted(field: &FieldDescriptor) -> bool {
    field.cardinality() == Cardinality::Optional
        && field.containing_oneof().is_none()
        && field.kind().as_enum().is_some_and(|names| DEFAULTED.contains(&names.full_name()))
}

/// The name of a value without that of its enumeration, which every value begins with, in lower case.
fn short(names: &EnumDescriptor, value: &str) -> String {
    let mut prefix = String::new();
    for letter in names.name().chars() {
        if letter.is_ascii_uppercase() && !prefix.is_empty() {
            prefix.push('_');
        }
        prefix.push(letter.to_ascii_uppercase());
    }
    prefix.push('_');
    value.strip_prefix(&prefix).unwrap_or(value).to_ascii_lowercase()
}

fn message(json: &Json, desc: &MessageDescriptor, path: &str, faults: &mut Faults) -> DynamicMessage {
    let mut message = DynamicMessage::new(desc.clone());
    if is_well_known(desc.full_name()) {
        let expected = match desc.name() {
            "Struct" => "a map",
            "Duration" => "a span such as 90s",
            _ => "a value",
        };
        return DynamicMessage::deserialize(desc.clone(), json).unwrap_or_else(|_| {
            faults.add(path, format!("expected {expected}"));
            message
        });
    }
    if let (PATH, Some(jsonpath)) = (desc.full_name(), json.as_str()) {
        message.set_field_by_name(JSONPATH, Value::String(jsonpath.to_owned()));
        return message;
    }
    let Some(members) = json.as_object() else {
        faults.add(path, "expected a map");
        return message;
    };
    let mut chosen: Option<&str> = None;
    for (key, json) in members {
        let at = member(path, key);
        let Some(field) = desc.get_field_by_name(key) else {
            let known: Vec<_> = desc.fields().map(|field| field.name().to_owned()).collect();
            faults.add(at, format!("there is no such field; there are {}", known.join(", ")));
            continue;
        };
        if json.is_null() && !is_value(&field.kind()) {
            continue;
        }
        let is_choice = field.containing_oneof().is_some_and(|oneof| !oneof.is_synthetic());
        if let Some(before) = chosen.filter(|_| is_choice) {
            faults.add(at, format!("only one of `{before}` and `{key}` can be said"));
            continue;
        }
        if is_choice {
            chosen = Some(key);
        }
        if let Some(value) = field_value(json, &field, &at, faults) {
            message.set_field(&field, value);
        }
    }
    message
}

fn is_value(kind: &Kind) -> bool {
    kind.as_message().is_some_and(|message| message.full_name() == "google.protobuf.Value")
}

fn field_value(json: &Json, field: &FieldDescriptor, path: &str, faults: &mut Faults) -> Option<Value> {
    let kind = map_value(&field.kind());
    if field.is_map() {
        let Some(members) = json.as_object() else {
            faults.add(path, "expected a map");
            return None;
        };
        let entries = members.iter().filter_map(|(key, json)| {
            Some((MapKey::String(key.clone()), one(json, &kind, &member(path, key), faults)?))
        });
        return Some(Value::Map(entries.collect()));
    }
    if field.is_list() {
        let Some(items) = json.as_array() else {
            faults.add(path, "expected a list");
            return None;
        };
        let items = items.iter().enumerate();
        let items = items.filter_map(|(index, json)| one(json, &kind, &element(path, index), faults));
        return Some(Value::List(items.collect()));
    }
    one(json, &kind, path, faults)
}

/// One value of this kind.
fn one(json: &Json, kind: &Kind, path: &str, faults: &mut Faults) -> Option<Value> {
    let (value, expected) = match kind {
        Kind::Message(desc) => return Some(Value::Message(message(json, desc, path, faults))),
        Kind::Enum(names) => (json.as_str().and_then(|text| named(names, text)), choices(names)),
        Kind::Bool => (json.as_bool().map(Value::Bool), "true or false".to_owned()),
        Kind::String => {
            (json.as_str().map(|text| Value::String(text.to_owned())), "a text, in quotes".to_owned())
        }
        Kind::Int32 => {
            let number = json.as_i64().and_then(|number| i32::try_from(number).ok());
            (number.map(Value::I32), "a whole number".to_owned())
        }
        Kind::Int64 => (json.as_i64().map(Value::I64), "a whole number".to_owned()),
        Kind::Double => (json.as_f64().map(Value::F64), "a number".to_owned()),
        _ => (None, "nothing: it cannot be written in a file".to_owned()),
    };
    if value.is_none() {
        faults.add(path, format!("expected {expected}"));
    }
    value
}

fn named(names: &EnumDescriptor, text: &str) -> Option<Value> {
    let mut values = names.values().filter(|value| value.number() != 0);
    let found = values.find(|value| value.name() == text || short(names, value.name()) == text)?;
    Some(Value::EnumNumber(found.number()))
}

fn choices(names: &EnumDescriptor) -> String {
    let values = names.values().filter(|value| value.number() != 0);
    let names: Vec<_> = values.map(|value| short(names, value.name())).collect();
    format!("one of {}", names.join(", "))
}

#[cfg(test)]
mod tests;
