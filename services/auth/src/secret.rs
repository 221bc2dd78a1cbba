//! Secrets that callers hold: 256 random bits as text, each kind with a prefix of its own, so that scanners find those
//! that were left somewhere, and people know what they hold.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

const BYTES: usize = 32;
/// How many characters of a secret may be shown, so that people can tell one from another.
const SHOWN: usize = 8;

/// What a secret is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretKind {
    /// The admin token.
    Admin,
    /// An API key.
    ApiKey,
    /// A refresh token.
    Refresh,
    /// The token of an invitation.
    Invitation,
}

impl SecretKind {
    fn prefix(self) -> &'static str {
        match self {
            Self::Admin => "tra_",
            Self::ApiKey => "trk_",
            Self::Refresh => "trr_",
            Self::Invitation => "tri_",
        }
    }

    /// Makes a secret of 256 bits that `random` gives, 128 at a time.
    pub fn generate(self, mut random: impl FnMut() -> u128) -> String {
        let bytes = [random().to_be_bytes(), random().to_be_bytes()].concat();
        format!("{}{}", self.prefix(), URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Whether `text` has the form of such a secret.
    pub fn fits(self, text: &str) -> bool {
        let bytes = text.strip_prefix(self.prefix()).and_then(|body| URL_SAFE_NO_PAD.decode(body).ok());
        bytes.is_some_and(|bytes| bytes.len() == BYTES)
    }
}

/// What may be shown of a secret.
pub fn shown(secret: &str) -> String {
    secret.chars().take(SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_has_all_the_bits_that_were_handed_in_and_the_form_of_its_kind() {
        let mut parts = [1_u128, 2].into_iter();
        let secret = SecretKind::ApiKey.generate(|| parts.next().unwrap());
        assert_eq!(secret.len(), 47);
        assert_ne!(secret, SecretKind::ApiKey.generate(|| 1));
        assert!(SecretKind::ApiKey.fits(&secret) && !SecretKind::Refresh.fits(&secret));
        assert!(!SecretKind::ApiKey.fits(&secret[..46]) && !SecretKind::ApiKey.fits("trk_%"));
        assert_eq!(shown(&secret).len(), 8);
    }
}
