//! Bodies as HTML forms send them, as JSON: an object of their fields.

mod fields;
mod multipart;

use http::{HeaderMap, header::CONTENT_TYPE};
use serde_json::Value;
use url::form_urlencoded;

use self::fields::Fields;

/// Why a form cannot be read. Nothing in it comes from the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// It is not written as such forms are; what is wrong, in words.
    #[error("{0}")]
    Malformed(&'static str),
    /// It has more fields, or a longer name of one, than is taken.
    #[error("at most {most} fields are taken, with names of at most {longest} bytes")]
    TooLarge {
        /// The most fields.
        most: usize,
        /// The longest name, in bytes.
        longest: usize,
    },
}

impl FormError {
    /// Its stable code: `FORM_MALFORMED` or `FORM_TOO_LARGE`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Malformed(_) => "FORM_MALFORMED",
            Self::TooLarge { .. } => "FORM_TOO_LARGE",
        }
    }
}

/// Whether the body is said to be urlencoded.
pub(super) fn is_urlencoded(headers: &HeaderMap) -> bool {
    content_type(headers)
        .is_some_and(|(essence, _)| essence.eq_ignore_ascii_case("application/x-www-form-urlencoded"))
}

/// The fields of a form; nothing where the body is said to be something else. A field that comes several times, or whose
/// name ends in `[]`, is a list; of a file there is only how it is called, its type and its size.
///
/// # Errors
/// Why it cannot be read.
pub(super) fn read(headers: &HeaderMap, body: &[u8]) -> Result<Option<Value>, FormError> {
    let Some((essence, parameters)) = content_type(headers) else { return Ok(None) };
    let mut fields = Fields::default();
    if is_urlencoded(headers) {
        for (name, value) in form_urlencoded::parse(body) {
            fields.add(&name, Value::String(value.into_owned()))?;
        }
    } else if essence.eq_ignore_ascii_case("multipart/form-data") {
        multipart::read(body, parameters, &mut fields)?;
    } else {
        return Ok(None);
    }
    fields.into_object().map(Some)
}

/// The content type, and its parameters as they are written.
fn content_type(headers: &HeaderMap) -> Option<(&str, &str)> {
    let text = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let (essence, parameters) = text.split_once(';').unwrap_or((text, ""));
    Some((essence.trim(), parameters))
}

#[cfg(test)]
mod tests;
