//! What a check of a signature says.

use http::{HeaderMap, HeaderName};

/// How far a request is known to come from the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signature {
    /// Signed with one of the source's keys.
    Valid,
    /// The source has no key, so that nothing was checked.
    Unsigned,
}

impl Signature {
    /// Its stable code: `VALID` or `UNSIGNED`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Valid => "VALID",
            Self::Unsigned => "UNSIGNED",
        }
    }
}

/// Why a request is not known to come from the provider.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The header is not there.
    #[error(
        "the request has no `{header}` header: set the same signing key at the provider and at the source"
    )]
    Missing {
        /// The header that was looked for.
        header: String,
    },
    /// The header is there and cannot be read.
    #[error("the `{header}` header is not written as the source expects: {expected}")]
    Malformed {
        /// The header.
        header: String,
        /// What was expected.
        expected: String,
    },
    /// Signed with another key, or not over this body.
    #[error("the signature matches none of the source's signing keys: compare them with the provider's")]
    Mismatch,
    /// Rightly signed, at a time too far from ours.
    #[error(
        "signed {seconds} s away from this server's time, more than {tolerance} s: a late copy, or a wrong clock"
    )]
    OutsideTolerance {
        /// How far, in seconds; negative: it lies in the past.
        seconds: i64,
        /// How far it may be, in seconds.
        tolerance: u64,
    },
}

impl SignatureError {
    /// Its stable code, such as `SIGNATURE_MISMATCH`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "SIGNATURE_MISSING",
            Self::Malformed { .. } => "SIGNATURE_MALFORMED",
            Self::Mismatch => "SIGNATURE_MISMATCH",
            Self::OutsideTolerance { .. } => "SIGNATURE_OUTSIDE_TOLERANCE",
        }
    }
}

/// The one value of a signature header, white space off both ends. Two of them are no signature: which one the
/// provider wrote cannot be told.
pub(super) fn only_header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<&'a str, SignatureError> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Err(SignatureError::Missing { header: name.to_string() });
    };
    match (value.to_str(), values.next()) {
        (Ok(text), None) => Ok(text.trim()),
        _ => Err(SignatureError::Malformed {
            header: name.to_string(),
            expected: "one value of visible ASCII characters".to_owned(),
        }),
    }
}
