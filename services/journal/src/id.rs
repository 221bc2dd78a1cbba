//! The id of one incarnation of a journal.

use std::{fmt, str::FromStr};

/// What the text of a journal's id starts with.
const PREFIX: &str = "jrn_";
/// Hexadecimal digits of 128 bits.
const DIGITS: usize = 32;

/// 128 random bits that a journal gets when it is created. A journal that was deleted comes back with another id,
/// one that was copied back keeps its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JournalId(u128);

/// A text that is not the id of a journal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a journal id: expected `jrn_` and 32 lower-case hexadecimal digits")]
pub struct InvalidJournalId;

impl JournalId {
    /// The id that has these bits.
    pub const fn from_bits(bits: u128) -> Self {
        Self(bits)
    }

    /// Its 128 bits.
    pub const fn bits(self) -> u128 {
        self.0
    }
}

impl fmt::Display for JournalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{:032x}", self.0)
    }
}

impl fmt::Debug for JournalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for JournalId {
    type Err = InvalidJournalId;

    fn from_str(text: &str) -> Result<Self, InvalidJournalId> {
        let digits = text.strip_prefix(PREFIX).filter(|digits| {
            digits.len() == DIGITS && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        });
        let bits = digits.and_then(|digits| u128::from_str_radix(digits, 16).ok());
        bits.map(Self).ok_or(InvalidJournalId)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_round_trips_and_nothing_else_is_taken() {
        let id = JournalId::from_bits(0x00ff_1234);
        assert_eq!(id.to_string(), "jrn_00000000000000000000000000ff1234");
        assert_eq!(id.to_string().parse(), Ok(id));
        for wrong in
            ["", "jrn_", "jrn_+0000000000000000000000000ff1234", "jrn_00000000000000000000000000FF1234"]
        {
            assert_eq!(wrong.parse::<JournalId>(), Err(InvalidJournalId), "{wrong}");
        }
    }
}
