//! Why no value came out.

use std::fmt;

/// Why no value came out of an input, a step or a whole mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    /// The mapping has no input.
    NoInput,
    /// The place is not there.
    Absent,
    /// The place is there more than once, and only one was asked for.
    Several,
    /// The value is null.
    Null,
    /// The value is an empty text, list or object.
    Blank,
    /// The value is longer than a mapping carries.
    TooLong,
    /// A list or an object where a text is needed.
    NotText,
    /// Not a number.
    NotNumber,
    /// Neither true nor false.
    NotBool,
    /// Not a time.
    NotTime,
    /// Not a phone number.
    NotPhone,
    /// The lookup table does not have it.
    NotInTable,
    /// The text or name does not have that part.
    NoSuchPart,
    /// The work that one evaluation may do is used up.
    TooMuchWork,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoInput => "has no input",
            Self::Absent => "is absent",
            Self::Several => "is there more than once",
            Self::Null => "is null",
            Self::Blank => "is empty",
            Self::TooLong => "is longer than 64 KiB",
            Self::NotText => "is a list or an object, not a text",
            Self::NotNumber => "is not a number",
            Self::NotBool => "is neither true nor false",
            Self::NotTime => "is not a time",
            Self::NotPhone => "is not a phone number",
            Self::NotInTable => "is not in the lookup table",
            Self::NoSuchPart => "does not have that part",
            Self::TooMuchWork => "is not worked on, because the workflow did more than is allowed",
        })
    }
}
