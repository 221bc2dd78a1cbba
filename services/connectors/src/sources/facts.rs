//! What a message says of itself.

use std::fmt;

use serde_json::Value;
use serde_json_path::JsonPath;
use sha2::{Digest, Sha256};
use tributary_domain::{booking::BookingFacts, normalise::cluid::CluidReading};

/// The longest dedupe key that is kept as it is, in bytes; of a longer one, its hash.
const LONGEST_KEY: usize = 512;

/// What a message says of itself.
#[derive(Clone, PartialEq)]
pub struct Facts {
    /// The provider's own name of the event, such as `invitee.created`.
    pub provider_event: Option<String>,
    /// What is equal for two deliveries of one fact, and for nothing else; unset: it cannot be told.
    pub dedupe_key: Option<String>,
    /// What stands where the visitor's id should be.
    pub cluid: CluidReading,
    /// Where that is, as a JSONPath.
    pub cluid_path: String,
    /// A body that the provider does not send for real events, as a stable code; unset: nothing is odd.
    pub notice: Option<&'static str>,
    /// What it says of a booking; unset: it is about none.
    pub booking: Option<BookingFacts>,
}

impl fmt::Debug for Facts {
    /// Without the dedupe key, which a custom source may take from anything, an e-mail address among it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Facts")
            .field("provider_event", &self.provider_event)
            .field("cluid", &self.cluid)
            .field("notice", &self.notice)
            .finish_non_exhaustive()
    }
}

/// The text of the first scalar that `path` finds; nothing for null, empty texts, lists and objects.
pub(super) fn scalar_at(body: &Value, path: &JsonPath) -> Option<String> {
    scalar(path.query(body).first()?)
}

/// A scalar as a text; nothing for null, empty texts, lists and objects.
pub(super) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        // A number that was read as a fraction may have lost the digits that tell it from another.
        Value::Number(number) if !number.is_f64() => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// The text at a JSON pointer; nothing where there is none, or an empty one.
pub(super) fn text_at(body: &Value, pointer: &str) -> Option<String> {
    body.pointer(pointer)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// A dedupe key of bounded length.
pub(super) fn bounded_key(key: String) -> String {
    if key.len() <= LONGEST_KEY { key } else { hashed_key(key.as_bytes()) }
}

/// A dedupe key that is the hash of `bytes`.
pub(super) fn hashed_key(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}
