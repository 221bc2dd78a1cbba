//! From a JSON value to a clean text: one Unicode form, a bounded length, nothing that cannot be seen.

use serde_json::{Number, Value};
use unicode_normalization::UnicodeNormalization;

use super::{Rejection, rule};

/// The longest identifier, in characters of its normal form.
const MAX_CHARACTERS: usize = 512;

/// A character decomposes into at most four by canonical equivalence, so that a longer text than this is too long
/// in whatever form it comes.
const MAX_DECOMPOSED: usize = MAX_CHARACTERS * 4;

/// From here up, neighbouring whole numbers are one float (2^53).
const FIRST_INEXACT: f64 = 9_007_199_254_740_992.0;

/// The text of a scalar. Booleans become `true` and `false`, which are placeholders.
pub(super) fn of_value(value: &Value) -> Result<String, Rejection> {
    match value {
        Value::Null => Err(Rejection { rule: rule::EMPTY }),
        Value::Bool(flag) => Ok(flag.to_string()),
        Value::Number(number) => of_number(number),
        Value::String(text) => Ok(text.clone()),
        Value::Array(_) | Value::Object(_) => Err(Rejection { rule: rule::NOT_TEXT }),
    }
}

/// Whole numbers are taken digit by digit. A fraction may have lost digits on its way, and two people's ids must
/// not become one by rounding.
fn of_number(number: &Number) -> Result<String, Rejection> {
    if number.is_u64() || number.is_i64() {
        return Ok(number.to_string());
    }
    match number.as_f64() {
        Some(float) if float.fract() == 0.0 && float.abs() < FIRST_INEXACT => Ok(format!("{}", float as i64)),
        _ => Err(Rejection { rule: rule::NUMBER_NOT_EXACT }),
    }
}

/// White space off both ends, NFC, bounded, and free of invisible characters.
pub(super) fn clean(raw: &str) -> Result<String, Rejection> {
    let trimmed = raw.trim();
    if trimmed.is_empty() {
        return Err(Rejection { rule: rule::EMPTY });
    }
    if trimmed.chars().nth(MAX_DECOMPOSED).is_some() {
        return Err(Rejection { rule: rule::TOO_LONG });
    }
    let composed: String = trimmed.nfc().collect();
    check_length(&composed)?;
    if composed.chars().any(is_invisible) {
        return Err(Rejection { rule: rule::INVISIBLE_CHARACTER });
    }
    Ok(composed)
}

/// Refuses a text of more than 512 characters.
pub(super) fn check_length(text: &str) -> Result<(), Rejection> {
    match text.chars().nth(MAX_CHARACTERS) {
        Some(_) => Err(Rejection { rule: rule::TOO_LONG }),
        None => Ok(()),
    }
}

/// A text for comparison without regard to case: through upper case, so that `ß`/`SS` and the two small sigmas
/// meet.
pub(super) fn fold(text: &str) -> String {
    if text.is_ascii() { text.to_ascii_lowercase() } else { text.to_uppercase().to_lowercase() }
}

/// Control characters, and those that take no room on the screen or turn its direction: two values that look the
/// same must not be two, and one that hides something is no identifier.
fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180b}'..='\u{180e}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}
