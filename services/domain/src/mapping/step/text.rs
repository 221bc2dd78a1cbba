//! The steps that work on texts.

use std::borrow::Cow;

use regex::Regex;
use serde_json::Value;

use crate::{
    mapping::{Budget, loss::Loss, value},
    workflow::spec::{CaseTo, NamePart},
};

/// Changes a text, or each text of a list; numbers, true and false are taken for their text.
pub(super) fn each(before: &Value, change: impl Fn(&str) -> Result<String, Loss>) -> Result<Value, Loss> {
    let one = |item: &Value| match value::text(item) {
        Some(text) if text.len() > value::MAX_BYTES => Err(Loss::TooLong),
        Some(text) => change(&text).map(Value::String),
        None => Err(Loss::NotText),
    };
    match before {
        Value::Array(items) => {
            let mut left = value::MAX_BYTES;
            let mut changed = Vec::new();
            for item in items {
                let item = one(item)?;
                left -= value::size_within(&item, left).ok_or(Loss::TooLong)?;
                changed.push(item);
            }
            Ok(Value::Array(changed))
        }
        single => one(single),
    }
}

/// A text in another case. A word begins the text, or follows white space or a hyphen.
pub(super) fn to_case(text: &str, case: CaseTo) -> String {
    match case {
        CaseTo::Lower => text.to_lowercase(),
        CaseTo::Upper => text.to_uppercase(),
        CaseTo::Title => {
            let mut titled = String::with_capacity(text.len());
            let mut begins = true;
            for letter in text.chars() {
                if begins {
                    titled.extend(letter.to_uppercase());
                } else {
                    titled.extend(letter.to_lowercase());
                }
                begins = letter.is_whitespace() || letter == '-';
            }
            titled
        }
    }
}

/// How many times what a plain step costs a pattern does: matching takes time in proportion to the pattern, and a
/// counted repetition makes a large one of a short text.
pub(super) fn weight(pattern: &Regex) -> u64 {
    const BYTES: u64 = 8;
    const COUNTED: u64 = 32;
    let pattern = pattern.as_str();
    let written = 1 + pattern.len() as u64 / BYTES;
    if pattern.contains('{') { written.max(COUNTED) } else { written }
}

/// Every match replaced; stops when the text becomes longer than a mapping carries. Each match is paid for, since
/// a pattern may read to the end of the text before it knows that its match is short.
pub(super) fn replace(text: &str, pattern: &Regex, with: &str, budget: &Budget) -> Result<String, Loss> {
    /// Bytes after a match that cost one unit.
    const BYTES: u64 = 64;
    let mut replaced = String::with_capacity(text.len());
    let mut copied = 0;
    for found in pattern.captures_iter(text) {
        let whole = found.get_match();
        if !budget.charge(1 + (text.len() - whole.start()) as u64 / BYTES) {
            return Err(Loss::TooMuchWork);
        }
        replaced.push_str(&text[copied..whole.start()]);
        found.expand(with, &mut replaced);
        copied = whole.end();
        if replaced.len() > value::MAX_BYTES {
            return Err(Loss::TooLong);
        }
    }
    replaced.push_str(&text[copied..]);
    if replaced.len() > value::MAX_BYTES { Err(Loss::TooLong) } else { Ok(replaced) }
}

/// One part of a person's name. A single word is a first name.
pub(super) fn split_name(before: &Value, part: NamePart) -> Result<Value, Loss> {
    let name = short_text(before)?;
    let words: Vec<&str> = name.split_whitespace().collect();
    let (last, before_last) = words.split_last().ok_or(Loss::Blank)?;
    match part {
        NamePart::First if before_last.is_empty() => Ok(Value::from(*last)),
        NamePart::First => Ok(Value::String(before_last.join(" "))),
        NamePart::Last if before_last.is_empty() => Err(Loss::NoSuchPart),
        NamePart::Last => Ok(Value::from(*last)),
    }
}

/// One part of a text between separators, or all of them as a list.
pub(super) fn split(before: &Value, separator: &str, index: Option<i32>) -> Result<Value, Loss> {
    let text = short_text(before)?;
    let mut parts = text.split(separator);
    match index {
        None => Ok(parts.map(Value::from).collect()),
        Some(index) => {
            let distance = usize::try_from(index.unsigned_abs()).unwrap_or(usize::MAX);
            let part = if index < 0 {
                text.rsplit(separator).nth(distance.saturating_sub(1))
            } else {
                parts.nth(distance)
            };
            part.map(Value::from).ok_or(Loss::NoSuchPart)
        }
    }
}

/// A list as one text, without what is empty in it; anything else stays as it is.
pub(super) fn join<'a>(before: Cow<'a, Value>, separator: &str) -> Result<Cow<'a, Value>, Loss> {
    let Value::Array(items) = &*before else { return Ok(before) };
    let mut joined = String::new();
    for item in items.iter().filter(|item| !value::is_blank(item)) {
        if !joined.is_empty() {
            joined.push_str(separator);
        }
        joined.push_str(&value::text(item).ok_or(Loss::NotText)?);
        if joined.len() > value::MAX_BYTES {
            return Err(Loss::TooLong);
        }
    }
    Ok(Cow::Owned(Value::String(joined)))
}

fn short_text(before: &Value) -> Result<Cow<'_, str>, Loss> {
    let text = value::text(before).ok_or(Loss::NotText)?;
    if text.len() > value::MAX_BYTES { Err(Loss::TooLong) } else { Ok(text) }
}
