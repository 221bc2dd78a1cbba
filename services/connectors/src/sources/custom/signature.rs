//! A keyed hash of the body, in the header and the writing that the source's owner says.

use std::borrow::Cow;

use http::HeaderName;

use crate::sources::{
    SettingsError,
    hmac_scheme::{Algorithm, Encoding, HmacScheme},
    reader::Reader,
    signing::Signing,
};

/// Headers that other parts of a request need: were one of them the signature, it would be dropped as a secret.
const TAKEN: [&str; 4] = ["content-type", "content-length", "host", "transfer-encoding"];

/// Reads how a source's deliveries are signed.
pub(super) fn signing(reader: &mut Reader<'_>) -> Result<Signing, SettingsError> {
    let header = match reader.text("header")? {
        None => HeaderName::from_static("x-signature"),
        Some(text) => HeaderName::from_bytes(text.as_bytes())
            .map_err(|_| reader.error("header", "the name of an HTTP header is expected"))?,
    };
    if TAKEN.contains(&header.as_str()) {
        return Err(reader.error("header", "this header cannot hold a signature"));
    }
    let encodings = [("hex", Encoding::Hex), ("base64", Encoding::Base64)];
    let algorithms =
        [("sha1", Algorithm::Sha1), ("sha256", Algorithm::Sha256), ("sha512", Algorithm::Sha512)];
    Ok(Signing::Body(HmacScheme {
        header,
        prefix: Cow::Owned(reader.text("prefix")?.unwrap_or_default().to_owned()),
        encoding: reader.choice("encoding", &encodings)?.unwrap_or(Encoding::Hex),
        algorithm: reader.choice("algorithm", &algorithms)?.unwrap_or(Algorithm::Sha256),
    }))
}
