//! RS256: what a service account asserts is signed with its key.

use rustls::{
    SignatureScheme,
    crypto::ring::sign::any_supported_type,
    pki_types::{PrivateKeyDer, pem::PemObject},
};

/// The signature (RSA, PKCS #1 v1.5, SHA-256) of `message` with a private key in PEM; nothing where that is no RSA key. The
/// library of TLS does it, which reads keys as Google hands them out and takes the same time whatever the key.
pub(super) fn rs256(message: &str, pem: &str) -> Option<Vec<u8>> {
    let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).ok()?;
    let key = any_supported_type(&key).ok()?;
    key.choose_scheme(&[SignatureScheme::RSA_PKCS1_SHA256])?.sign(message.as_bytes()).ok()
}
