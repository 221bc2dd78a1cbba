//! The forms that platforms want values in. Each gives nothing for what has no such form.

use unicode_normalization::UnicodeNormalization;

use super::states::US_STATES;

/// The domains whose mailboxes ignore dots and everything from a plus sign on.
const GMAIL: [&str; 2] = ["gmail.com", "googlemail.com"];

/// The value as it is.
pub(in super::super) fn same(value: &str) -> Option<String> {
    some(value.to_owned())
}

/// In lower case.
pub(in super::super) fn lower(value: &str) -> Option<String> {
    some(folded(value))
}

/// An address as Google compares it: of its own mail without dots and without what a plus sign begins.
pub(in super::super) fn google_email(address: &str) -> Option<String> {
    let address = kept(address, |character| !character.is_whitespace());
    let (local, domain) = address.rsplit_once('@')?;
    if !GMAIL.contains(&domain) {
        return Some(address);
    }
    let local = local.split('+').next().unwrap_or_default().replace('.', "");
    if local.is_empty() { None } else { Some(format!("{local}@{domain}")) }
}

/// A number in E.164 without its plus sign.
pub(in super::super) fn digits(phone: &str) -> Option<String> {
    some(phone.chars().filter(char::is_ascii_digit).collect())
}

/// A name in lower case, without punctuation.
pub(in super::super) fn name(value: &str) -> Option<String> {
    let letters = kept(value, |character| !is_punctuation(character));
    some(letters.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// A place in lower case: letters alone.
pub(in super::super) fn city(value: &str) -> Option<String> {
    some(kept(value, char::is_alphabetic))
}

/// A state or region in lower case, letters alone; one of the United States by its two letters.
pub(in super::super) fn state(value: &str) -> Option<String> {
    let letters = city(value)?;
    let known = US_STATES.iter().find(|(full, _)| *full == letters);
    Some(known.map_or(letters, |(_, short)| (*short).to_owned()))
}

/// A postal code in lower case, without spaces, up to a hyphen.
pub(in super::super) fn postal_code(value: &str) -> Option<String> {
    let tight = kept(value, |character| !character.is_whitespace());
    let code = tight.split('-').next().unwrap_or_default().to_owned();
    if code.len() < 2 { None } else { Some(code) }
}

/// The two letters of a country, in lower case.
pub(in super::super) fn country(value: &str) -> Option<String> {
    let code = folded(value);
    (code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_lowercase())).then_some(code)
}

/// `f` or `m`.
pub(in super::super) fn gender(value: &str) -> Option<String> {
    match folded(value).as_str() {
        "f" | "female" | "woman" => Some("f".to_owned()),
        "m" | "male" | "man" => Some("m".to_owned()),
        _ => None,
    }
}

/// A date such as `1990-04-23` as `19900423`.
pub(in super::super) fn birth_date(value: &str) -> Option<String> {
    let day = value.trim().split('T').next().unwrap_or_default();
    let parts: Vec<&str> = day.split('-').collect();
    let digits = match parts.as_slice() {
        [year, month, date] if (year.len(), month.len(), date.len()) == (4, 2, 2) => parts.concat(),
        [whole] => (*whole).to_owned(),
        _ => return None,
    };
    let number = |range: std::ops::Range<usize>| digits.get(range)?.parse::<u32>().ok();
    let is_date = digits.len() == 8
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && (1_900..2_100).contains(&number(0..4)?)
        && (1..=12).contains(&number(4..6)?)
        && (1..=31).contains(&number(6..8)?);
    is_date.then_some(digits)
}

/// Trimmed, in lower case and in NFC: of letters with marks there is one form only.
fn folded(value: &str) -> String {
    value.trim().to_lowercase().nfc().collect()
}

/// What is kept of the folded value, in NFC again: marks that a removed character held apart meet now, and have one order.
fn kept(value: &str, is_kept: impl Fn(char) -> bool) -> String {
    folded(value).chars().filter(|character| is_kept(*character)).nfc().collect()
}

fn is_punctuation(character: char) -> bool {
    // The second range are the dashes, quotation marks and dots of other typewriters.
    character.is_ascii_punctuation() || ('\u{2010}'..='\u{2027}').contains(&character) || character == '´'
}

fn some(value: String) -> Option<String> {
    (!value.is_empty()).then_some(value)
}
