//! Numbers.

use super::{ScanError, ScanReason};

/// So many digits can stand for more than a 64-bit float holds, even without an exponent.
const MAY_OVERFLOW: usize = 300;

/// The byte after the number that starts at `start`, which may have `longest` characters.
pub(super) fn end(body: &[u8], start: usize, longest: usize) -> Result<usize, ScanError> {
    let mut at = start + usize::from(body[start] == b'-');
    at = match body.get(at) {
        // A zero stands alone: what follows it is looked at by the grammar.
        Some(b'0') => at + 1,
        _ => digits(body, at)?,
    };
    if body.get(at) == Some(&b'.') {
        at = digits(body, at + 1)?;
    }
    let has_exponent = matches!(body.get(at), Some(b'e' | b'E'));
    if has_exponent {
        let signed = matches!(body.get(at + 1), Some(b'+' | b'-'));
        at = digits(body, at + 1 + usize::from(signed))?;
    }
    let number = &body[start..at];
    if number.len() > longest {
        return Err(ScanError { reason: ScanReason::NumberTooLong, offset: start });
    }
    // Whether a number near the largest float still is one depends on how it is rounded: the parser decides that
    // reads the body later.
    let may_overflow = has_exponent || number.len() > MAY_OVERFLOW;
    if may_overflow && serde_json::from_slice::<f64>(number).is_err() {
        return Err(ScanError { reason: ScanReason::NumberOutOfRange, offset: start });
    }
    Ok(at)
}

/// The byte after one or more digits.
fn digits(body: &[u8], start: usize) -> Result<usize, ScanError> {
    let count = body[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    match (count, body.get(start)) {
        (0, None) => Err(ScanError { reason: ScanReason::UnexpectedEnd, offset: start }),
        (0, Some(_)) => Err(ScanError { reason: ScanReason::InvalidNumber, offset: start }),
        _ => Ok(start + count),
    }
}
