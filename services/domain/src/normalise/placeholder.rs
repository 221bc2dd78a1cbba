//! Values that stand for nobody: what forms, templates and programs send when they have no value.

use super::{Rejection, rule, text};

/// Words that are nobody, in folded form.
const WORDS: [&str; 11] = [
    "null",
    "undefined",
    "none",
    "nan",
    "anonymous",
    "guest",
    "id",
    "email",
    "[object object]",
    "true",
    "false",
];

/// What opens and closes a marker that a template engine replaces, and that stands for it wherever it is found.
/// `%7b%7b` is `{{` that went through a URL.
const MARKERS: [(&str, &str); 5] =
    [("{{", "}}"), ("%7b%7b", "%7d%7d"), ("${", "}"), ("*|", "|*"), ("[[", "]]")];

const QUOTES: [(char, char); 7] =
    [('"', '"'), ('\'', '\''), ('`', '`'), ('“', '”'), ('‘', '’'), ('«', '»'), ('„', '“')];

/// Refuses a clean text that stands for nobody, also when it is quoted.
pub(super) fn check(cleaned: &str) -> Result<(), Rejection> {
    let folded = text::fold(cleaned);
    let word = unquoted(&folded);
    if word.is_empty() || WORDS.contains(&word) || word.chars().all(is_filler) {
        return Err(Rejection { rule: rule::PLACEHOLDER });
    }
    if is_template(word) {
        return Err(Rejection { rule: rule::TEMPLATE_MARKER });
    }
    Ok(())
}

/// The text inside its quotes, however many and whether escaped or not.
pub(super) fn unquoted(text: &str) -> &str {
    let mut inner = text.trim();
    while let Some(stripped) = without_quotes(inner) {
        inner = stripped.trim();
    }
    inner
}

fn without_quotes(text: &str) -> Option<&str> {
    let text = text.strip_prefix('\\').unwrap_or(text);
    QUOTES.iter().find_map(|(open, close)| {
        let inner = text.strip_prefix(*open)?.strip_suffix(*close)?;
        Some(inner.strip_suffix('\\').unwrap_or(inner))
    })
}

/// Zeros, and dashes of every width.
fn is_filler(character: char) -> bool {
    matches!(character, '0' | '-' | '_' | '\u{2010}'..='\u{2015}' | '\u{2212}')
}

fn is_template(folded: &str) -> bool {
    let marked = MARKERS
        .iter()
        .any(|(open, close)| folded.split_once(open).is_some_and(|(_, rest)| rest.contains(close)));
    marked || is_percent_marker(folded)
}

/// `%EMAIL%` or `%%EMAIL%%`, the whole value: within an address the percent sign is an ordinary character.
fn is_percent_marker(folded: &str) -> bool {
    let name = folded.strip_prefix('%').and_then(|rest| rest.strip_suffix('%'));
    name.map(|name| name.trim_matches('%')).is_some_and(|name| {
        !name.is_empty()
            && name.chars().all(|character| character.is_alphanumeric() || "_-. ".contains(character))
    })
}
