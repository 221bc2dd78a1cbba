//! What is wrong with a body, and where.

/// Why a body was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ScanReason {
    /// Not UTF-8.
    InvalidUtf8,
    /// It starts with a byte order mark.
    ByteOrderMark,
    /// It ends in the middle of a value, or is empty.
    UnexpectedEnd,
    /// A character that cannot stand there.
    UnexpectedCharacter,
    /// Something follows the value.
    TrailingCharacters,
    /// Not a number as JSON writes them.
    InvalidNumber,
    /// More characters than a number may have.
    NumberTooLong,
    /// Larger than a 64-bit float can be.
    NumberOutOfRange,
    /// A backslash and something that is no escape.
    InvalidEscape,
    /// A control character within a text, not escaped.
    ControlCharacter,
    /// The character NUL (`\u0000`), which Postgres cannot keep.
    NulCharacter,
    /// Half of a surrogate pair, which is no character.
    LoneSurrogate,
    /// Lists and objects too deep within one another.
    TooDeep,
    /// Too many values.
    TooManyValues,
    /// Too long a key.
    KeyTooLong,
}

impl ScanReason {
    /// Its stable code, such as `JSON_TOO_DEEP`.
    pub fn code(self) -> &'static str {
        match self {
            Self::InvalidUtf8 => "JSON_INVALID_UTF8",
            Self::ByteOrderMark => "JSON_BYTE_ORDER_MARK",
            Self::UnexpectedEnd => "JSON_UNEXPECTED_END",
            Self::UnexpectedCharacter => "JSON_UNEXPECTED_CHARACTER",
            Self::TrailingCharacters => "JSON_TRAILING_CHARACTERS",
            Self::InvalidNumber => "JSON_INVALID_NUMBER",
            Self::NumberTooLong => "JSON_NUMBER_TOO_LONG",
            Self::NumberOutOfRange => "JSON_NUMBER_OUT_OF_RANGE",
            Self::InvalidEscape => "JSON_INVALID_ESCAPE",
            Self::ControlCharacter => "JSON_CONTROL_CHARACTER",
            Self::NulCharacter => "JSON_NUL_CHARACTER",
            Self::LoneSurrogate => "JSON_LONE_SURROGATE",
            Self::TooDeep => "JSON_TOO_DEEP",
            Self::TooManyValues => "JSON_TOO_MANY_VALUES",
            Self::KeyTooLong => "JSON_KEY_TOO_LONG",
        }
    }

    /// What is wrong, in words.
    pub fn message(self) -> &'static str {
        match self {
            Self::InvalidUtf8 => "the body is not UTF-8",
            Self::ByteOrderMark => "the body starts with a byte order mark",
            Self::UnexpectedEnd => "the body ends in the middle of a value",
            Self::UnexpectedCharacter => "this character cannot stand here",
            Self::TrailingCharacters => "something follows the JSON value",
            Self::InvalidNumber => "not a number as JSON writes them",
            Self::NumberTooLong => "the number has too many characters",
            Self::NumberOutOfRange => "the number is larger than a 64-bit float can be",
            Self::InvalidEscape => "the backslash starts no escape that JSON knows",
            Self::ControlCharacter => "a control character has to be escaped",
            Self::NulCharacter => "the text contains the character NUL",
            Self::LoneSurrogate => "the text contains half of a surrogate pair",
            Self::TooDeep => "lists and objects are too deep within one another",
            Self::TooManyValues => "the body has too many values",
            Self::KeyTooLong => "the key is too long",
        }
    }
}

/// A body that is not acceptable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{} (at byte {offset})", reason.message())]
pub struct ScanError {
    /// What is wrong.
    pub reason: ScanReason,
    /// Where, counted in bytes from 0.
    pub offset: usize,
}
