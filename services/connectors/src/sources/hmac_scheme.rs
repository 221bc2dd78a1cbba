//! A signature that is a keyed hash: which hash, how it is written, and in which header it stands.

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderName;
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use subtle::ConstantTimeEq;

/// Padded as RFC 4648 has it when written; read with or without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
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
    Hex,
    Base64,
}

impl Encoding {
    /// The name that settings have for it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Hex => "hex",
            Self::Base64 => "base64",
        }
    }
}

/// How a source's deliveries are signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HmacScheme {
    pub(super) header: HeaderName,
    pub(super) prefix: String,
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
        let bytes = match self.encoding {
            Encoding::Hex => hex::decode(written).ok(),
            Encoding::Base64 => BASE64.decode(written).ok(),
        };
        bytes.filter(|bytes| !bytes.is_empty())
    }

    /// The signature of `parts`, one after the other, as it is written.
    pub(super) fn write(&self, key: &str, parts: &[&[u8]]) -> String {
        let tag = self.tag(key, parts);
        match self.encoding {
            Encoding::Hex => hex::encode(tag),
            Encoding::Base64 => BASE64.encode(tag),
        }
    }

    /// Whether one of `given` is the signature of `parts` by one of `keys`. The time it takes tells nothing of how
    /// much of a signature is right. An empty key is no key: anybody has it.
    pub(super) fn accepts(&self, keys: &[String], parts: &[&[u8]], given: &[Vec<u8>]) -> bool {
        keys.iter().filter(|key| !key.is_empty()).any(|key| {
            let tag = self.tag(key, parts);
            given.iter().any(|candidate| tag.ct_eq(candidate).into())
        })
    }

    fn tag(&self, key: &str, parts: &[&[u8]]) -> Vec<u8> {
        match self.algorithm {
            Algorithm::Sha1 => tag::<Hmac<Sha1>>(key, parts),
            Algorithm::Sha256 => tag::<Hmac<Sha256>>(key, parts),
            Algorithm::Sha512 => tag::<Hmac<Sha512>>(key, parts),
        }
    }
}

fn tag<M: Mac + KeyInit>(key: &str, parts: &[&[u8]]) -> Vec<u8> {
    // A keyed hash takes keys of every length; were one refused, no signature would be right.
    let Ok(mut mac) = <M as KeyInit>::new_from_slice(key.as_bytes()) else {
        return Vec::new();
    };
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().to_vec()
}
