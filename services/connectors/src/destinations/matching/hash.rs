//! SHA-256 as ad platforms take it: 64 hexadecimal digits in lower case.

use sha2::{Digest, Sha256};

/// Whether a value is a hash already.
pub(super) fn is_hash(value: &str) -> bool {
    value.len() == 64 && value.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The hash of `value` in the form that `rule` gives it; nothing where the rule has no form for it. What is a hash
/// already is passed on: whoever sends one has brought the value to its form before.
pub(in super::super) fn hashed(value: &str, rule: fn(&str) -> Option<String>) -> Option<String> {
    let value = value.trim();
    if is_hash(value) {
        return Some(value.to_ascii_lowercase());
    }
    rule(value).map(|normal| hex::encode(Sha256::digest(normal.as_bytes())))
}

/// The hashes of several values, each once.
pub(in super::super) fn hashed_all(values: &[String], rule: fn(&str) -> Option<String>) -> Vec<String> {
    let mut all: Vec<String> = values.iter().filter_map(|value| hashed(value, rule)).collect();
    let mut seen = std::collections::HashSet::new();
    all.retain(|hash| seen.insert(hash.clone()));
    all
}
