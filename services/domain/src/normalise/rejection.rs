//! Why a value is no identifier.

/// The rules that refuse a value: stable codes for programs and for the run's log.
pub mod rule {
    /// Nothing is there: absent, null, or only white space.
    pub const EMPTY: &str = "EMPTY";
    /// A list or an object.
    pub const NOT_TEXT: &str = "NOT_TEXT";
    /// A number that a computer cannot have kept exactly: a fraction, or a float from 2^53 up.
    pub const NUMBER_NOT_EXACT: &str = "NUMBER_NOT_EXACT";
    /// More than 512 characters.
    pub const TOO_LONG: &str = "TOO_LONG";
    /// A control, zero-width or direction character inside.
    pub const INVISIBLE_CHARACTER: &str = "INVISIBLE_CHARACTER";
    /// A word that stands for nobody, such as `null` or `anonymous`, or only zeros or dashes.
    pub const PLACEHOLDER: &str = "PLACEHOLDER";
    /// A template marker that was not replaced, such as `{{email}}`.
    pub const TEMPLATE_MARKER: &str = "TEMPLATE_MARKER";
    /// One of the tenant's own blocked values.
    pub const BLOCKED_VALUE: &str = "BLOCKED_VALUE";
    /// Not the syntax of an e-mail address.
    pub const NOT_AN_EMAIL: &str = "NOT_AN_EMAIL";
    /// Not one person's phone number: not parseable, no country, incomplete, or with an extension.
    pub const NOT_A_PHONE: &str = "NOT_A_PHONE";
    /// Not an id that the tag gives.
    pub const NOT_A_CLUID: &str = "NOT_A_CLUID";
}

/// A value that is no identifier. It names the rule and never the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the value cannot identify a person: rule {rule}")]
pub struct Rejection {
    /// Which rule of [`rule`] refused it.
    pub rule: &'static str,
}
