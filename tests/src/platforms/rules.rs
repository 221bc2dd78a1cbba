//! Rules that several platforms have.

use serde_json::{Map, Value};

use crate::now_seconds;

/// What is wrong, if something is.
pub(super) type Checked = Result<(), String>;

/// Whether it holds; else this is wrong.
pub(super) fn ensure(holds: bool, wrong: impl Into<String>) -> Checked {
    if holds { Ok(()) } else { Err(wrong.into()) }
}

/// The object there.
pub(super) fn object<'a>(of: &'a Value, name: &str) -> Result<&'a Map<String, Value>, String> {
    of[name].as_object().ok_or_else(|| format!("{name} is no object"))
}

/// The text there, not empty.
pub(super) fn text<'a>(of: &'a Value, name: &str) -> Result<&'a str, String> {
    of[name].as_str().filter(|text| !text.is_empty()).ok_or_else(|| format!("{name} is no text"))
}

/// The items there: between one and `most`.
pub(super) fn items<'a>(of: &'a Value, name: &str, most: usize) -> Result<&'a [Value], String> {
    let items = of[name].as_array().ok_or_else(|| format!("{name} is no list"))?;
    ensure((1..=most).contains(&items.len()), format!("{name} has {} items", items.len()))?;
    Ok(items)
}

/// A time in seconds that lies at most `days` back, and not ahead.
pub(super) fn recent(seconds: i64, days: i64) -> Checked {
    let age = now_seconds() - seconds;
    ensure((-60..=days * 24 * 60 * 60).contains(&age), format!("the time lies {age} s back"))
}

/// SHA-256 in lower-case hexadecimal digits: one text, or a list of them.
pub(super) fn hashed(value: &Value, name: &str) -> Checked {
    match value {
        Value::String(text) => {
            let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
            ensure(text.len() == 64 && text.bytes().all(is_digit), format!("{name} is no hash"))
        }
        Value::Array(all) if !all.is_empty() => all.iter().try_for_each(|one| hashed(one, name)),
        _ => Err(format!("{name} is no hash")),
    }
}

/// A sum of money: a number and a currency.
pub(super) fn money(of: &Value) -> Checked {
    ensure(of["value"].is_number(), "value is no number")?;
    ensure(currency(&of["currency"]), "currency is none")
}

/// Three capital letters.
pub(super) fn currency(value: &Value) -> bool {
    value.as_str().is_some_and(|code| code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase()))
}

/// A number in E.164.
pub(super) fn phone(value: &str) -> bool {
    let digits = value.strip_prefix('+').unwrap_or_default();
    (7..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Every name of `of` is one of these.
pub(super) fn only(of: &Map<String, Value>, names: &[&str]) -> Checked {
    match of.keys().find(|name| !names.contains(&name.as_str())) {
        Some(unknown) => Err(format!("{unknown} is not known")),
        None => Ok(()),
    }
}
