//! A signature that is a keyed hash: which hash, how it is written, and in which header it stands.

use std::borrow::Cow;

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderName};
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use subtle::ConstantTimeEq;

use super::{SignatureError, signature::only_header};

/// Padded as RFC 4648 has it when written; read with or without.
pub(super) const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The hashes that providers sign with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    Sha1,
    Sha256,
    Sha512,
}

/// How the bytes of a signature are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Hexadecimal digits, all in one case: senders of their owner's own making write the one or the other.
    Hex,
    /// As the known providers write it: each byte in one way only, so that no changed character goes unnoticed.
    LowerHex,
    Base64,
}

impl Encoding {
    /// The name that settings have for it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Hex => "hex",
            Self::LowerHex => "lower-case hex",
            Self::Base64 => "base64",
        }
    }
}

/// How a source's deliveries are signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HmacScheme {
    pub(super) header: HeaderName,
    pub(super) prefix: Cow<'static, str>,
    pub(super) encoding: Encoding,
    pub(super) algorithm: Algorithm,
}

impl HmacScheme {
    /// The header that the signature stands in.
    pub(super) fn header(&self) -> &HeaderName {
        &self.header
    }

    /// The bytes of a written signature; nothing when it is not written in this scheme's way.
    pub(super) fn decode(&self, written: &str) -> Option<Vec<u8>> {
        let has_capitals = written.bytes().any(|byte| byte.is_ascii_uppercase());
        let bytes = match self.encoding {
            Encoding::Hex if has_capitals && written.bytes().any(|byte| byte.is_ascii_lowercase()) => None,
            Encoding::LowerHex if has_capitals => None,
            Encoding::Hex | Encoding::LowerHex => hex::decode(written).ok(),
            Encoding::Base64 => BASE64.decode(written).ok(),
        };
        bytes.filter(|bytes| !bytes.is_empty())
    }

    /// The signature of `parts`, one after the other, as it is written.
    pub(super) fn write(&self, key: &[u8], parts: &[&[u8]]) -> String {
        let tag = self.tag(key, parts);
        match self.encoding {
            Encoding::Hex | Encoding::LowerHex => hex::encode(tag),
            Encoding::Base64 => BASE64.encode(tag),
        }
    }

    /// Whether one of `given` is the signature of `parts` by one of `keys`. The time it takes tells nothing of how
    /// much of a signature is right. An empty key is no key: anybody has it.
    pub(super) fn accepts(&self, keys: &[impl AsRef<[u8]>], parts: &[&[u8]], given: &[Vec<u8>]) -> bool {
        keys.iter().map(AsRef::as_ref).filter(|key| !key.is_empty()).any(|key| {
            let tag = self.tag(key, parts);
            given.iter().any(|candidate| tag.ct_eq(candidate).into())
        })
    }

    /// Checks the signature of a body, which stands in the header behind the prefix.
    pub(super) fn verify_body(
        &self,
        keys: &[String],
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<(), SignatureError> {
        let written = only_header(headers, &self.header)?;
        let given = written.strip_prefix(self.prefix.trim()).and_then(|rest| self.decode(rest.trim()));
        let Some(given) = given else {
            return Err(SignatureError::Malformed {
                header: self.header.to_string(),
                expected: format!("`{}` and the signature in {}", self.prefix, self.encoding.name()),
            });
        };
        if self.accepts(keys, &[body], &[given]) { Ok(()) } else { Err(SignatureError::Mismatch) }
    }

    /// The header that the sender of a body would send.
    pub(super) fn sign_body(&self, key: &str, body: &[u8]) -> (String, String) {
        (self.header.to_string(), format!("{}{}", self.prefix, self.write(key.as_bytes(), &[body])))
    }

    fn tag(&self, key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
        match self.algorithm {
            Algorithm::Sha1 => tag::<Hmac<Sha1>>(key, parts),
            Algorithm::Sha256 => tag::<Hmac<Sha256>>(key, parts),
            Algorithm::Sha512 => tag::<Hmac<Sha512>>(key, parts),
        }
    }
}

fn tag<M: Mac + KeyInit>(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    // A keyed hash takes keys of every length; were one refused, no signature would be right.
    let Ok(mut mac) = <M as KeyInit>::new_from_slice(key) else {
        return Vec::new();
    };
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().to_vec()
}
