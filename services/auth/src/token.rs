//! The admin token: the secret of whoever runs the installation.

use std::{fmt, str::FromStr};

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::secret::SecretKind;

/// A text that is not an admin token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an admin token: expected `tra_` and 43 characters of base64url")]
pub struct InvalidToken;

/// The token that opens the admin API. Its text is only shown by [`AdminToken::secret`].
#[derive(Clone)]
pub struct AdminToken {
    text: String,
    hash: [u8; 32],
}

impl AdminToken {
    /// Makes a token of 256 bits that `random` gives, 128 at a time.
    pub fn generate(random: impl FnMut() -> u128) -> Self {
        Self::of_text(SecretKind::Admin.generate(random))
    }

    fn of_text(text: String) -> Self {
        let hash = Sha256::digest(text.as_bytes()).into();
        Self { text, hash }
    }

    /// The token itself, to be sent as `authorization: Bearer …` or written to its file, and nowhere else.
    pub fn secret(&self) -> &str {
        &self.text
    }

    /// Whether `presented` is this token. How long it takes tells nothing about how much of it is right: hashes are
    /// compared, in constant time.
    pub fn matches(&self, presented: &str) -> bool {
        let presented: [u8; 32] = Sha256::digest(presented.as_bytes()).into();
        self.hash.ct_eq(&presented).into()
    }
}

impl FromStr for AdminToken {
    type Err = InvalidToken;

    fn from_str(text: &str) -> Result<Self, InvalidToken> {
        if SecretKind::Admin.fits(text) { Ok(Self::of_text(text.to_owned())) } else { Err(InvalidToken) }
    }
}

impl fmt::Debug for AdminToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdminToken(tra_…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_all_the_bits_that_were_handed_in() {
        let mut parts = [1_u128, 2].into_iter();
        let token = AdminToken::generate(|| parts.next().unwrap());
        assert_eq!(token.secret().len(), 47);
        assert_ne!(token.secret(), AdminToken::generate(|| 1).secret());
        assert_eq!(token.secret().parse::<AdminToken>().unwrap().secret(), token.secret());
    }

    #[test]
    fn only_the_whole_token_matches() {
        let token = AdminToken::generate(|| 7);
        let text = token.secret().to_owned();
        assert!(token.matches(&text));
        assert!(!token.matches(&text[..46]) && !token.matches(&format!("{text} ")) && !token.matches(""));
    }

    #[test]
    fn other_texts_are_no_tokens() {
        for text in ["", "tra_", "tra_c2hvcnQ", "tok_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
            assert!(text.parse::<AdminToken>().is_err(), "{text}");
        }
    }

    #[test]
    fn debug_does_not_tell_the_token() {
        let token = AdminToken::generate(|| 7);
        assert!(!format!("{token:?}").contains(&token.secret()[4..]));
    }
}
