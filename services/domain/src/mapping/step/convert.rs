//! The steps that bring a value to another type.

use serde_json::Value;

use crate::{
    mapping::{loss::Loss, moment, number, value},
    normalise,
    workflow::spec::DateFormat,
};

const TRUE: [&str; 5] = ["true", "yes", "y", "on", "1"];
const FALSE: [&str; 5] = ["false", "no", "n", "off", "0"];

/// The number of a number or a text.
pub(crate) fn to_number(before: &Value) -> Result<Value, Loss> {
    number::read(before).map(Value::Number).ok_or(Loss::NotNumber)
}

/// True or false of a text, in English words, or of the numbers 1 and 0.
pub(crate) fn to_bool(before: &Value) -> Result<Value, Loss> {
    let text = value::text(before).ok_or(Loss::NotBool)?;
    let text = text.trim();
    let is_one_of = |words: [&str; 5]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if is_one_of(TRUE) {
        Ok(Value::Bool(true))
    } else if is_one_of(FALSE) {
        Ok(Value::Bool(false))
    } else {
        Err(Loss::NotBool)
    }
}

/// A time in RFC 3339 and UTC of a text or a number; in `zone` where a text has none.
pub(crate) fn to_time(before: &Value, format: &DateFormat, zone: &str) -> Result<Value, Loss> {
    let instant =
        moment::read(before, format).and_then(|moment| moment.in_zone(zone)).ok_or(Loss::NotTime)?;
    Ok(Value::String(instant.to_string()))
}

/// The E.164 form of a phone number; of `country` where it has no country code.
pub(super) fn to_phone(before: &Value, country: &str) -> Result<Value, Loss> {
    let text = value::text(before).ok_or(Loss::NotPhone)?;
    normalise::phone(&text, country).map(Value::String).ok_or(Loss::NotPhone)
}
