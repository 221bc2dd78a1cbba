//! A keyed hash of the body, in the header and the writing that the source's owner says.

use http::{HeaderMap, HeaderName};

use crate::sources::{
    SettingsError, SignatureError,
    hmac_scheme::{Algorithm, Encoding, HmacScheme},
    reader::Reader,
    signature::only_header,
};

/// Headers that other parts of a request need: were one of them the signature, it would be dropped as a secret.
const TAKEN: [&str; 4] = ["content-type", "content-length", "host", "transfer-encoding"];

/// Reads how a source's deliveries are signed.
pub(super) fn scheme(reader: &mut Reader<'_>) -> Result<HmacScheme, SettingsError> {
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
    Ok(HmacScheme {
        header,
        prefix: reader.text("prefix")?.unwrap_or_default().to_owned(),
        encoding: reader.choice("encoding", &encodings)?.unwrap_or(Encoding::Hex),
        algorithm: reader.choice("algorithm", &algorithms)?.unwrap_or(Algorithm::Sha256),
    })
}

/// Checks the signature.
pub(super) fn verify(
    scheme: &HmacScheme,
    keys: &[String],
    headers: &HeaderMap,
    body: &[u8],
) -> Result<(), SignatureError> {
    let written = only_header(headers, scheme.header())?;
    let given = written.strip_prefix(scheme.prefix.trim()).and_then(|rest| scheme.decode(rest.trim()));
    let Some(given) = given else {
        return Err(SignatureError::Malformed {
            header: scheme.header().to_string(),
            expected: format!("`{}` and the signature in {}", scheme.prefix, scheme.encoding.name()),
        });
    };
    if scheme.accepts(keys, &[body], &[given]) { Ok(()) } else { Err(SignatureError::Mismatch) }
}

/// The header that the sender would send.
pub(super) fn sign(scheme: &HmacScheme, key: &str, body: &[u8]) -> (String, String) {
    (scheme.header().to_string(), format!("{}{}", scheme.prefix, scheme.write(key, &[body])))
}
