//! Phone numbers in E.164.

use rlibphonenumber::{NumberLengthType, PhoneNumber, PhoneNumberFormat, Region};

/// The E.164 form of a phone number, such as `+14045550142`. `country` is the ISO 3166 alpha-2 country for numbers
/// without a country code; empty: such numbers are none.
///
/// Nothing comes back for what is not one person's number: letters or an extension in it (who shares a switchboard
/// is not one person), a number that only works within its town, one of a length that its country does not have,
/// or one digit over and over.
pub fn phone(text: &str, country: &str) -> Option<String> {
    let text = text.trim();
    if !text.chars().all(is_dialled) {
        return None;
    }
    let region = country.parse::<Region>().ok();
    let number = PhoneNumber::parse(text, region).ok()?;
    // Length only, not the list of ranges in service: ranges are opened more often than programs are updated.
    if !matches!(number.is_possible_with_reason(), Ok(NumberLengthType::IsPossible)) {
        return None;
    }
    if is_keyboard_row(&number.get_national_significant_number()) {
        return None;
    }
    Some(number.format_as(PhoneNumberFormat::E164).into_owned())
}

/// Digits of any script and the signs that people write between them.
fn is_dialled(character: char) -> bool {
    character.is_numeric()
        || character.is_whitespace()
        || matches!(
            character,
            '+' | '＋' | '(' | ')' | '-' | '.' | '/' | '\u{2010}'..='\u{2015}' | '\u{2212}'
        )
}

/// What is typed into a field that wants a number from somebody who has none to give: `9999999999`, `1234567890`.
fn is_keyboard_row(digits: &str) -> bool {
    let pairs = || digits.bytes().zip(digits.bytes().skip(1));
    pairs().all(|(left, right)| left == right)
        || pairs().all(|(left, right)| right == left + 1 || (left == b'9' && right == b'0'))
}
