//! Values of the contract as people read them.

use prost_types::{Value, value::Kind};
use serde_json::json;

/// Compact JSON; whole numbers without a fraction.
pub(crate) fn text(value: &Value) -> String {
    of(value).to_string()
}

fn of(value: &Value) -> serde_json::Value {
    match &value.kind {
        None | Some(Kind::NullValue(_)) => serde_json::Value::Null,
        Some(Kind::BoolValue(flag)) => json!(flag),
        Some(Kind::NumberValue(number)) => whole(*number).map_or_else(|| json!(number), |whole| json!(whole)),
        Some(Kind::StringValue(text)) => json!(text),
        Some(Kind::ListValue(list)) => list.values.iter().map(of).collect(),
        Some(Kind::StructValue(object)) => {
            object.fields.iter().map(|(key, value)| (key.clone(), of(value))).collect()
        }
    }
}

/// The number where it is whole and was kept exactly: doubles are exact up to 2^53.
fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0).then_some(number as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_have_no_fraction() {
        let number = |number| text(&Value { kind: Some(Kind::NumberValue(number)) });
        assert_eq!((number(30.0), number(30.5), number(-1.0)), ("30".into(), "30.5".into(), "-1".into()));
        assert_eq!(number(1e300), "1e+300");
        assert_eq!(text(&Value { kind: None }), "null");
    }
}
