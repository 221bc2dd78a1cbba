//! One pass over the bytes of a request body, before anything is parsed or stored: is it well-formed JSON
//! (RFC 8259), within limits, and free of what one of the databases cannot keep?

mod error;
mod limits;
mod machine;
mod number;
mod text;

#[cfg(test)]
mod tests;

pub use error::{ScanError, ScanReason};
pub use limits::Limits;

/// Checks that `body` is one JSON value within `limits`. It allocates nothing and does not recurse, whatever the
/// body is.
///
/// # Errors
/// What is wrong first, and at which byte.
pub fn scan(body: &[u8], limits: &Limits) -> Result<(), ScanError> {
    if body.starts_with(b"\xef\xbb\xbf") {
        return Err(ScanError { reason: ScanReason::ByteOrderMark, offset: 0 });
    }
    match std::str::from_utf8(body) {
        Ok(_) => machine::Machine::new(body, limits).run(),
        Err(error) => Err(ScanError { reason: ScanReason::InvalidUtf8, offset: error.valid_up_to() }),
    }
}
