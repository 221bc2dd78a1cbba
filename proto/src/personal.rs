//! What of the contract's answers is personal, by the option `personal` of their fields: tables that the build makes.

/// How a field is masked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mask {
    /// A text or bytes, as a whole.
    Text,
    /// A text or bytes that may be JSON.
    Json,
    /// Sentences that may name a value.
    Words,
    /// A `google.protobuf.Struct`.
    Object,
    /// A `google.protobuf.Value`.
    Value,
    /// A message that holds something personal: its place in the table, for [`fields`].
    Below(u16),
}

/// The message that the call with this path answers with, for [`fields`]; nothing where nothing in it is personal.
pub fn answer(path: &str) -> Option<u16> {
    let index = ANSWERS.binary_search_by_key(&path, |(path, _)| path).ok()?;
    Some(ANSWERS[index].1)
}

/// How the fields of a message are masked, by their numbers; those that are not in it are shown.
pub fn fields(message: u16) -> &'static [(u32, Mask)] {
    MESSAGES.get(usize::from(message)).copied().unwrap_or_default()
}

include!(concat!(env!("OUT_DIR"), "/personal.rs"));
