//! Texts: keys and values between quotation marks.

use super::{ScanError, ScanReason};

const WORD: usize = size_of::<u64>();
/// A word with the lowest bit of each byte set; times a byte, it is that byte in each.
const LOW_BITS: u64 = u64::from_ne_bytes([0x01; WORD]);
const HIGH_BITS: u64 = u64::from_ne_bytes([0x80; WORD]);

/// The byte after the text whose opening quotation mark stands at `start`.
pub(super) fn end(body: &[u8], start: usize) -> Result<usize, ScanError> {
    let mut at = start + 1;
    loop {
        at = next_special(body, at);
        match body.get(at) {
            Some(b'"') => return Ok(at + 1),
            Some(b'\\') => at = escape(body, at)?,
            Some(_) => return Err(ScanError { reason: ScanReason::ControlCharacter, offset: at }),
            None => return Err(ScanError { reason: ScanReason::UnexpectedEnd, offset: at }),
        }
    }
}

/// Whether a text that was found well-formed has more than `limit` characters, its escapes resolved.
pub(super) fn is_longer(text: &[u8], limit: usize) -> bool {
    // A character takes at least one byte, so that few texts have to be counted.
    text.len() > limit && characters(text) > limit
}

fn characters(text: &[u8]) -> usize {
    let (mut at, mut count) = (0, 0);
    while let Some(&byte) = text.get(at) {
        at += match (byte, text.get(at + 1)) {
            (b'\\', Some(b'u')) if is_high_surrogate(hex4(text, at + 2)) => 12,
            (b'\\', Some(b'u')) => 6,
            (b'\\', _) => 2,
            _ => 1,
        };
        // The bytes after the first of a character are 10xxxxxx.
        count += usize::from(byte & 0xc0 != 0x80);
    }
    count
}

/// The next quotation mark, backslash or control character at or after `at`; the length where there is none.
///
/// Eight bytes at a time: `word - LOW_BITS` borrows into the high bit of a byte that is zero, and of others only
/// above one that is, so that the lowest such bit is always right.
fn next_special(body: &[u8], mut at: usize) -> usize {
    while let Some(bytes) = body.get(at..).and_then(|rest| rest.first_chunk::<WORD>()) {
        let word = u64::from_le_bytes(*bytes);
        let quote = word ^ (LOW_BITS * u64::from(b'"'));
        let backslash = word ^ (LOW_BITS * u64::from(b'\\'));
        let found = (quote.wrapping_sub(LOW_BITS) & !quote)
            | (backslash.wrapping_sub(LOW_BITS) & !backslash)
            | (word.wrapping_sub(LOW_BITS * 0x20) & !word);
        let found = found & HIGH_BITS;
        if found != 0 {
            return at + found.trailing_zeros() as usize / WORD;
        }
        at += WORD;
    }
    let rest = body.get(at..).unwrap_or_default();
    at + rest.iter().take_while(|byte| !matches!(**byte, b'"' | b'\\' | 0..0x20)).count()
}

/// The byte after the escape whose backslash stands at `at`.
fn escape(body: &[u8], at: usize) -> Result<usize, ScanError> {
    let error = |reason| Err(ScanError { reason, offset: at });
    match body.get(at + 1) {
        None => error(ScanReason::UnexpectedEnd),
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 2),
        Some(b'u') => match hex4(body, at + 2) {
            None => error(ScanReason::InvalidEscape),
            Some(0) => error(ScanReason::NulCharacter),
            unit if is_high_surrogate(unit) => {
                let has_pair = body.get(at + 6..at + 8) == Some(b"\\u".as_slice())
                    && matches!(hex4(body, at + 8), Some(0xdc00..=0xdfff));
                if has_pair { Ok(at + 12) } else { error(ScanReason::LoneSurrogate) }
            }
            Some(0xdc00..=0xdfff) => error(ScanReason::LoneSurrogate),
            Some(_) => Ok(at + 6),
        },
        Some(_) => error(ScanReason::InvalidEscape),
    }
}

fn is_high_surrogate(unit: Option<u16>) -> bool {
    matches!(unit, Some(0xd800..=0xdbff))
}

/// The number that four hexadecimal digits are.
fn hex4(body: &[u8], at: usize) -> Option<u16> {
    body.get(at..at + 4)?.iter().try_fold(0, |unit, byte| {
        let digit = char::from(*byte).to_digit(16)?;
        Some(unit << 4 | u16::try_from(digit).ok()?)
    })
}
