//! Signing secrets: `whsec_` and 24 to 64 bytes in base64.

use std::{fmt, str::FromStr};

use base64::{
    Engine,
    alphabet::STANDARD as ALPHABET,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

const PREFIX: &str = "whsec_";

/// Secrets are typed and pasted by people, who lose the padding.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &ALPHABET,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A secret that signs or verifies webhooks.
#[derive(Clone)]
pub struct SigningSecret(Hmac<Sha256>);

/// A text that is not a signing secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a signing secret: expected whsec_ and 24 to 64 bytes in base64")]
pub struct InvalidSecret;

impl SigningSecret {
    /// The text of a new secret made of 32 random bytes, which are handed in.
    pub fn generate(random: [u8; 32]) -> String {
        format!("{PREFIX}{}", STANDARD.encode(random))
    }

    /// The signature of `id`, `seconds` and `body`, raw.
    pub(super) fn mac(&self, id: &str, seconds: &str, body: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        for part in [id.as_bytes(), b".", seconds.as_bytes(), b".", body] {
            mac.update(part);
        }
        mac
    }
}

impl FromStr for SigningSecret {
    type Err = InvalidSecret;
    fn from_str(text: &str) -> Result<Self, InvalidSecret> {
        let encoded = text.strip_prefix(PREFIX).ok_or(InvalidSecret)?;
        let key = LENIENT.decode(encoded).map_err(|_| InvalidSecret)?;
        if !(24..=64).contains(&key.len()) {
            return Err(InvalidSecret);
        }
        Hmac::new_from_slice(&key).map(Self).map_err(|_| InvalidSecret)
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningSecret(…)")
    }
}
