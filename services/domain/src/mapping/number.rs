//! Numbers of texts, and how numbers compare.

use std::cmp::Ordering;

use serde_json::{Number, Value};

/// The longest text that is read as a number.
const MAX_TEXT: usize = 100;

/// The number of a number, or of a text that is nothing but one: `12`, `-2.5`, `1e3`, with white space around it.
/// No thousands separators, no currency signs: those differ by country, and a replace step takes them off.
pub(crate) fn read(value: &Value) -> Option<Number> {
    match value {
        Value::Number(number) => Some(number.clone()),
        Value::String(text) => parse(text),
        _ => None,
    }
}

fn parse(text: &str) -> Option<Number> {
    let text = text.trim();
    let is_number = text.len() <= MAX_TEXT
        && text.contains(|letter: char| letter.is_ascii_digit())
        && text
            .chars()
            .all(|letter| letter.is_ascii_digit() || matches!(letter, '+' | '-' | '.' | 'e' | 'E'));
    if !is_number {
        return None;
    }
    let whole = text.parse::<i64>().map(Number::from).or_else(|_| text.parse::<u64>().map(Number::from));
    whole.ok().or_else(|| text.parse::<f64>().ok().and_then(Number::from_f64))
}

/// How two numbers compare: exactly when both are whole, else as floating point numbers.
pub(crate) fn compare(left: &Number, right: &Number) -> Option<Ordering> {
    match (left.as_i128(), right.as_i128()) {
        (Some(left), Some(right)) => Some(left.cmp(&right)),
        _ => left.as_f64()?.partial_cmp(&right.as_f64()?),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_numbers_and_nothing_else() {
        for (text, number) in [
            ("12", json!(12)),
            (" -2.5 ", json!(-2.5)),
            ("1e3", json!(1000.0)),
            ("007", json!(7)),
            ("+5", json!(5)),
        ] {
            assert_eq!(read(&json!(text)).map(Value::Number), Some(number), "{text}");
        }
        for text in ["", " ", "1,000", "€5", "0x10", "inf", "NaN", "1e999", "12a", "-", ".", "1 2"] {
            assert_eq!(read(&json!(text)), None, "{text}");
        }
        assert_eq!(read(&json!(true)), None);
        assert_eq!(read(&json!("1".repeat(101))), None);
    }

    #[test]
    fn whole_numbers_compare_exactly() {
        let compare = |left: &str, right: &str| compare(&parse(left).unwrap(), &parse(right).unwrap());
        assert_eq!(compare("9007199254740993", "9007199254740992"), Some(Ordering::Greater));
        assert_eq!(compare("-1", "18446744073709551615"), Some(Ordering::Less));
        assert_eq!(compare("5", "5.0"), Some(Ordering::Equal));
    }
}
