//! From the text and numbers of the tables to typed values, and back. What cannot be read is corrupt: only this
//! crate writes the tables.

use std::str::FromStr;

use serde::{Serialize, de::DeserializeOwned};

use crate::StoreError;

pub(crate) fn id<T: FromStr>(text: &str, what: &'static str) -> Result<T, StoreError> {
    text.parse().map_err(|_| StoreError::corrupt(what))
}

/// The bits of an id, as its bytes stand in a column.
pub(crate) fn bits(bytes: &[u8], what: &'static str) -> Result<u128, StoreError> {
    bytes.try_into().map(u128::from_be_bytes).map_err(|_| StoreError::corrupt(what))
}

pub(crate) fn optional_id<T: FromStr>(
    text: Option<&str>,
    what: &'static str,
) -> Result<Option<T>, StoreError> {
    text.map(|text| id(text, what)).transpose()
}

pub(crate) fn json<T: DeserializeOwned>(text: &str, what: &'static str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|_| StoreError::corrupt(what))
}

/// Bytes that most values have room in.
const LIKELY: usize = 512;

pub(crate) fn to_json<T: Serialize + ?Sized>(value: &T) -> Result<String, StoreError> {
    let none = || StoreError::Other { message: "a value has no form in JSON".to_owned() };
    // Most are longer than what a text has room for when it begins to grow.
    let mut text = Vec::with_capacity(LIKELY);
    serde_json::to_writer(&mut text, value).map_err(|_| none())?;
    String::from_utf8(text).map_err(|_| none())
}

/// A number that is never negative, or of fewer bits than its column.
pub(crate) fn number<F, T: TryFrom<F>>(number: F, what: &'static str) -> Result<T, StoreError> {
    T::try_from(number).map_err(|_| StoreError::corrupt(what))
}

/// A number for a column of fewer bits; the largest that fits when it does not.
pub(crate) fn to_big(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// As [`to_big`], for columns of 32 bits.
pub(crate) fn to_int(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// An enum whose values are stable codes, in the database and for programs.
macro_rules! codes {
    ($(#[$doc:meta])* $name:ident { $($(#[$value_doc:meta])* $value:ident = $code:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$value_doc])* #[serde(rename = $code)] $value,)+
        }

        impl $name {
            /// The stable code.
            pub fn code(self) -> &'static str {
                match self {
                    $(Self::$value => $code,)+
                }
            }

            /// The value of a code.
            pub fn from_code(code: &str) -> Option<Self> {
                match code {
                    $($code => Some(Self::$value),)+
                    _ => None,
                }
            }
        }
    };
}
pub(crate) use codes;
