//! How large JSON may be.

/// What a body may have at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Lists and objects within one another; never more than 128, whatever is set.
    pub depth: u32,
    /// Characters of one number.
    pub number: usize,
    /// Values, each list, object, text, number, `true`, `false` and `null` being one.
    pub values: usize,
    /// Characters of one key, escapes resolved.
    pub key: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { depth: 64, number: 100, values: 100_000, key: 1 << 16 }
    }
}
