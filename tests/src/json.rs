//! JSON as protobuf has it.

use std::collections::BTreeMap;

use prost_types::{ListValue, Struct, Value, value::Kind};
use serde_json::json;

/// A JSON object as a struct.
///
/// # Panics
/// When it is no object.
pub fn to_struct(value: &serde_json::Value) -> Struct {
    let members = value.as_object().expect("an object");
    Struct { fields: members.iter().map(|(name, value)| (name.clone(), to_value(value))).collect() }
}

/// A JSON value as a protobuf value.
///
/// # Panics
/// When a number is none that a 64-bit float can be.
pub fn to_value(value: &serde_json::Value) -> Value {
    let kind = match value {
        serde_json::Value::Null => Kind::NullValue(0),
        serde_json::Value::Bool(bool) => Kind::BoolValue(*bool),
        serde_json::Value::Number(number) => Kind::NumberValue(number.as_f64().expect("a 64-bit float")),
        serde_json::Value::String(text) => Kind::StringValue(text.clone()),
        serde_json::Value::Array(list) => {
            Kind::ListValue(ListValue { values: list.iter().map(to_value).collect() })
        }
        serde_json::Value::Object(_) => Kind::StructValue(to_struct(value)),
    };
    Value { kind: Some(kind) }
}

/// A protobuf value as JSON.
pub fn from_value(value: &Value) -> serde_json::Value {
    match &value.kind {
        None | Some(Kind::NullValue(_)) => serde_json::Value::Null,
        Some(Kind::BoolValue(bool)) => json!(bool),
        Some(Kind::NumberValue(number)) => json!(number),
        Some(Kind::StringValue(text)) => json!(text),
        Some(Kind::ListValue(list)) => list.values.iter().map(from_value).collect(),
        Some(Kind::StructValue(fields)) => {
            let members: BTreeMap<_, _> =
                fields.fields.iter().map(|(name, value)| (name, from_value(value))).collect();
            json!(members)
        }
    }
}
