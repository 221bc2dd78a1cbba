//! JSON values, objects, times and spans between the contract and the domain.

use std::time::Duration;

use prost_types::{ListValue, Struct, Timestamp as ProtoTimestamp, Value as ProtoValue, value::Kind};
use serde_json::{Map, Number, Value};
use tributary_domain::time::Timestamp;

/// JSON that lies deeper is sent as its text: protobuf readers give up at 100 levels, and a level of JSON is three.
const MAX_DEPTH: usize = 24;
/// Integers up to here are exact as the 64-bit floating point numbers that the contract has.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A JSON value as the contract has it. Numbers become floating point; what lies too deep becomes its text.
pub(crate) fn to_proto(value: &Value) -> ProtoValue {
    at_depth(value, MAX_DEPTH)
}

fn at_depth(value: &Value, left: usize) -> ProtoValue {
    let kind = match value {
        Value::Null => Kind::NullValue(0),
        Value::Bool(flag) => Kind::BoolValue(*flag),
        Value::Number(number) => match number.as_f64() {
            Some(float) => Kind::NumberValue(float),
            None => Kind::StringValue(number.to_string()),
        },
        Value::String(text) => Kind::StringValue(text.clone()),
        _ if left == 0 => Kind::StringValue(value.to_string()),
        Value::Array(items) => {
            Kind::ListValue(ListValue { values: items.iter().map(|item| at_depth(item, left - 1)).collect() })
        }
        Value::Object(map) => Kind::StructValue(fields(map, left - 1)),
    };
    ProtoValue { kind: Some(kind) }
}

fn fields(map: &Map<String, Value>, left: usize) -> Struct {
    Struct { fields: map.iter().map(|(key, value)| (key.clone(), at_depth(value, left))).collect() }
}

/// A JSON object as the contract has it.
pub(crate) fn to_struct(map: &Map<String, Value>) -> Struct {
    fields(map, MAX_DEPTH)
}

/// The JSON value of a value of the contract; whole numbers become integers where they are exact.
///
/// # Errors
/// What is wrong with it: nothing is set, or a number that JSON does not have.
pub(crate) fn from_proto(value: &ProtoValue) -> Result<Value, &'static str> {
    Ok(match value.kind.as_ref().ok_or("a value has to be set; null is a value too")? {
        Kind::NullValue(_) => Value::Null,
        Kind::BoolValue(flag) => Value::Bool(*flag),
        Kind::NumberValue(number) => Value::Number(from_float(*number)?),
        Kind::StringValue(text) => Value::String(text.clone()),
        Kind::ListValue(list) => Value::Array(list.values.iter().map(from_proto).collect::<Result<_, _>>()?),
        Kind::StructValue(object) => Value::Object(from_struct(object)?),
    })
}

fn from_float(number: f64) -> Result<Number, &'static str> {
    #[allow(clippy::cast_possible_truncation, reason = "it is whole and small enough to be exact")]
    if number.fract() == 0.0 && number.abs() <= EXACT {
        return Ok(Number::from(number as i64));
    }
    Number::from_f64(number).ok_or("not a number and infinity are no JSON")
}

/// The JSON object of an object of the contract.
///
/// # Errors
/// What is wrong with one of its values.
pub(crate) fn from_struct(object: &Struct) -> Result<Map<String, Value>, &'static str> {
    object.fields.iter().map(|(key, value)| Ok((key.clone(), from_proto(value)?))).collect()
}

/// A time as the contract has it.
pub(crate) fn to_time(time: Timestamp) -> ProtoTimestamp {
    let nanos = time.micros().rem_euclid(1_000_000) * 1_000;
    ProtoTimestamp { seconds: time.seconds(), nanos: i32::try_from(nanos).unwrap_or_default() }
}

/// A time of the contract.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn from_time(time: ProtoTimestamp) -> Result<Timestamp, String> {
    let micros = time
        .seconds
        .checked_mul(1_000_000)
        .and_then(|micros| micros.checked_add(i64::from(time.nanos / 1_000)));
    let micros = micros.filter(|_| (0..1_000_000_000).contains(&time.nanos));
    micros.map(Timestamp::from_micros).ok_or_else(|| "is not a time".to_owned())
}

/// A span as the contract has it.
pub(crate) fn to_span(span: Duration) -> prost_types::Duration {
    prost_types::Duration {
        seconds: i64::try_from(span.as_secs()).unwrap_or(i64::MAX),
        nanos: span.subsec_nanos().cast_signed(),
    }
}

/// The span of a span of the contract.
///
/// # Errors
/// When it is negative or over `longest`; says so in words.
pub(crate) fn from_span(span: prost_types::Duration, longest: Duration) -> Result<Duration, String> {
    let parsed = Duration::try_from(span).map_err(|_| "must not be negative".to_owned())?;
    if parsed <= longest { Ok(parsed) } else { Err(format!("must be at most {} seconds", longest.as_secs())) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// JSON that the contract can carry exactly.
    pub(crate) fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            (-1_000_000_000_000_i64..1_000_000_000_000).prop_map(|number| json!(number)),
            (-1_000_i32..1_000).prop_map(|number| json!(f64::from(number) + 0.5)),
            "\\PC{0,12}".prop_map(Value::String),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
                prop::collection::btree_map("[a-z]{1,6}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn json_survives_the_way_out_and_back(value in json()) {
            prop_assert_eq!(from_proto(&to_proto(&value)), Ok(value));
        }

        #[test]
        fn times_keep_their_microseconds(micros in any::<i64>()) {
            let time = to_time(Timestamp::from_micros(micros));
            prop_assert_eq!(i128::from(time.seconds) * 1_000_000 + i128::from(time.nanos / 1_000), i128::from(micros));
            prop_assert!((0..1_000_000_000).contains(&time.nanos));
        }
    }

    #[test]
    fn deep_json_becomes_text_that_protobuf_readers_can_read() {
        use prost::Message;
        let mut deep = json!(1);
        for _ in 0..64 {
            deep = json!({ "a": deep });
        }
        let bytes = to_proto(&deep).encode_to_vec();
        assert!(ProtoValue::decode(bytes.as_slice()).is_ok());
    }

    #[test]
    fn what_json_does_not_have_is_refused() {
        assert!(from_proto(&ProtoValue { kind: None }).is_err());
        assert!(from_proto(&ProtoValue { kind: Some(Kind::NumberValue(f64::NAN)) }).is_err());
        assert!(from_proto(&ProtoValue { kind: Some(Kind::NumberValue(f64::INFINITY)) }).is_err());
    }
}
