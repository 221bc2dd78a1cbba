//! Checks of what callers write, and of what they say they change.

use prost_types::FieldMask;
use tonic::Status;
use tributary_auth::{LONGEST_PASSWORD, SHORTEST_PASSWORD};
use tributary_proto::admin::v1::MessageView;

use crate::{
    error::etag_mismatch,
    violations::{Violations, invalid},
};

/// The longest name for people, in characters.
const MAX_DISPLAY_NAME: usize = 200;
/// The longest e-mail address, in characters.
pub(crate) const MAX_EMAIL: usize = 254;
/// The longest key.
const MAX_KEY: usize = 63;

impl Violations {
    /// Checks an owner's own key: 1 to 63 of a-z, 0-9, `-` and `_`, not beginning with a sign.
    pub(crate) fn key(&mut self, path: &str, key: &str) {
        let allowed =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_';
        let begins = key.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
        if !begins || key.len() > MAX_KEY || !key.bytes().all(allowed) {
            self.add(path, format!("1 to {MAX_KEY} of a-z, 0-9, - and _, beginning with a letter or digit"));
        }
    }

    /// Checks a name for people: 1 to 200 characters, none of them a control character.
    pub(crate) fn display_name(&mut self, path: &str, name: &str) {
        if name.trim().is_empty() {
            self.add(path, "has to be set");
        }
        self.text(path, name, MAX_DISPLAY_NAME);
    }

    /// Checks an e-mail address that somebody signs in with: at most 254 characters (RFC 5321), with one `@` and
    /// something on both sides of it. The outcome is what is compared: without spaces around it, in lower case.
    pub(crate) fn email(&mut self, path: &str, email: &str) -> String {
        let email = email.trim().to_lowercase();
        let parts: Vec<&str> = email.split('@').collect();
        let is_address = matches!(parts.as_slice(), [name, host] if !name.is_empty() && host.contains('.'));
        if !is_address || email.contains(char::is_whitespace) {
            self.add(path, "has to be an e-mail address");
        }
        self.text(path, &email, MAX_EMAIL);
        email
    }

    /// Checks a password that is to be set.
    pub(crate) fn password(&mut self, path: &str, password: &str) {
        let count = password.chars().count();
        if !(SHORTEST_PASSWORD..=LONGEST_PASSWORD).contains(&count) {
            self.add(path, format!("{SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters"));
        }
    }

    /// Checks that a text is there.
    pub(crate) fn filled(&mut self, path: &str, text: &str) {
        if text.is_empty() {
            self.add(path, "has to be set");
        }
    }

    /// Checks a text: at most `max` characters, none of them a control character.
    pub(crate) fn text(&mut self, path: &str, text: &str, max: usize) {
        if text.chars().count() > max {
            self.add(path, format!("at most {max} characters"));
        }
        if text.chars().any(char::is_control) {
            self.add(path, "no control characters");
        }
    }
}

/// A message of a request that has to be there.
///
/// # Errors
/// INVALID_ARGUMENT when it is not.
pub(crate) fn required<T>(path: &str, message: Option<T>) -> Result<T, Status> {
    message.ok_or_else(|| invalid(path, "has to be set"))
}

/// The paths of an update mask, each one of `known` or below one of them.
///
/// # Errors
/// INVALID_ARGUMENT when there is no mask, it is empty, or a path is not known.
pub(crate) fn mask(mask: Option<FieldMask>, known: &[&str]) -> Result<Vec<String>, Status> {
    let paths = mask.map(|mask| mask.paths).unwrap_or_default();
    if paths.is_empty() {
        return Err(invalid("update_mask", format!("name the fields that change: {}", known.join(", "))));
    }
    for path in &paths {
        if !known.contains(&path.as_str()) {
            return Err(invalid(
                "update_mask",
                format!("`{path}` cannot be changed; what can: {}", known.join(", ")),
            ));
        }
    }
    Ok(paths)
}

/// The view of messages that a request asks for.
///
/// # Errors
/// INVALID_ARGUMENT when it is none.
pub(crate) fn message_view(view: i32) -> Result<MessageView, Status> {
    MessageView::try_from(view).map_err(|_| invalid("view", "is not a value of this enumeration"))
}

/// The etag of a revision.
pub(crate) fn etag(revision: u64) -> String {
    format!("\"{revision}\"")
}

/// The revision that an update is based on: what the etag says.
///
/// # Errors
/// INVALID_ARGUMENT when there is none, ABORTED when it cannot be one of ours.
pub(crate) fn revision(path: &str, etag: &str) -> Result<u64, Status> {
    if etag.is_empty() {
        return Err(invalid(path, "has to be set: send the etag that was read"));
    }
    let number = etag.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    number.and_then(|number| number.parse().ok()).ok_or_else(etag_mismatch)
}

/// The revision that a change is based on, where the caller says one; otherwise the one that is in force.
///
/// # Errors
/// ABORTED when the etag is not that of `current`.
pub(crate) fn revision_or(etag: &str, current: u64) -> Result<u64, Status> {
    if etag.is_empty() || etag == self::etag(current) { Ok(current) } else { Err(etag_mismatch()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_short_and_plain() {
        let wrong = |key: &str| {
            let mut violations = Violations::default();
            violations.key("key", key);
            violations.check().is_err()
        };
        for key in ["a", "calendly_booking", "2-b", &"x".repeat(63)] {
            assert!(!wrong(key), "{key}");
        }
        for key in ["", "-a", "_", "A", "a b", "é", &"x".repeat(64)] {
            assert!(wrong(key), "{key}");
        }
    }

    #[test]
    fn a_mask_names_known_fields() {
        let of = |paths: &[&str]| FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() };
        assert!(mask(Some(of(&["draft"])), &["draft", "order"]).is_ok());
        assert!(mask(Some(of(&["draft", "key"])), &["draft", "order"]).is_err());
        assert!(mask(Some(of(&[])), &["draft"]).is_err() && mask(None, &["draft"]).is_err());
    }

    #[test]
    fn etags_are_revisions() {
        assert_eq!(revision("etag", &etag(7)).unwrap(), 7);
        assert_eq!(revision("etag", "").unwrap_err().code(), tonic::Code::InvalidArgument);
        assert_eq!(revision("etag", "7").unwrap_err().code(), tonic::Code::Aborted);
        assert_eq!(revision_or("", 7).unwrap(), 7);
        assert_eq!(revision_or(&etag(6), 7).unwrap_err().code(), tonic::Code::Aborted);
    }
}
