//! Secrets at rest: sealed with a key of their tenant or agency, for one place only.
//!
//! XChaCha20-Poly1305 under a key that HKDF-SHA256 derives from the master key for each of them. The place (whose,
//! table, row, column) is authenticated with it: a sealed value that is copied to another row or tenant does not open.
//! Layout: one byte for the key's number, 24 of nonce, then ciphertext and tag.

use std::fmt;

use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use hkdf::Hkdf;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use tributary_domain::id::{AgencyId, TenantId};

use crate::StoreError;

/// The number of the only master key there is so far; another number is for rotation.
const KEY: u8 = 1;
const NONCE: usize = 24;

/// A secret in the clear. It has no `Display`, and its `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// The secret itself, for those who have to use it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// Whose a sealed value is: each has a key of its own.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Holder {
    /// A tenant.
    Tenant(TenantId),
    /// An agency.
    Agency(AgencyId),
}

impl fmt::Display for Holder {
    /// The id, which says by its beginning what it is of.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tenant(tenant) => tenant.fmt(f),
            Self::Agency(agency) => agency.fmt(f),
        }
    }
}

/// Where a sealed value lives.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) holder: Holder,
    pub(crate) table: &'a str,
    pub(crate) row: &'a str,
    pub(crate) column: &'a str,
}

impl Place<'_> {
    /// Every part with its length before it, so that no two places have the same bytes.
    fn bytes(&self) -> Vec<u8> {
        let holder = self.holder.to_string();
        let mut bytes = Vec::with_capacity(96);
        for part in [holder.as_str(), self.table, self.row, self.column] {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        bytes
    }
}

/// Seals and opens with the master key.
#[derive(Clone)]
pub struct Sealer {
    derive: Hkdf<Sha256>,
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer")
    }
}

impl Sealer {
    /// A sealer with this master key: 256 random bits that are kept outside of the database.
    pub fn new(master_key: [u8; 32]) -> Self {
        Self { derive: Hkdf::new(Some(b"tributary sealed columns"), &master_key) }
    }

    /// A key for another purpose than sealing: the same on every node, and none that a secret is sealed with.
    pub(crate) fn key(&self, purpose: &str) -> [u8; 64] {
        let mut key = [0; 64];
        // Only a longer key than 8,160 bytes has no derivation (RFC 5869).
        let _ = self.derive.expand_multi_info(&[b"key for ", purpose.as_bytes()], &mut key);
        key
    }

    pub(crate) fn seal(&self, place: Place<'_>, clear: &[u8]) -> Result<Vec<u8>, StoreError> {
        let nonce: [u8; NONCE] = rand::random();
        let payload = Payload { msg: clear, aad: &place.bytes() };
        let sealed = self
            .cipher(place.holder)
            .and_then(|cipher| cipher.encrypt(&XNonce::from(nonce), payload).ok())
            .ok_or_else(|| StoreError::Other { message: "a secret is too long to be sealed".to_owned() })?;
        Ok([&[KEY], nonce.as_slice(), &sealed].concat())
    }

    pub(crate) fn open(&self, place: Place<'_>, sealed: &[u8]) -> Result<Vec<u8>, StoreError> {
        self.try_open(place, sealed).ok_or_else(|| StoreError::corrupt("sealed secret"))
    }

    fn try_open(&self, place: Place<'_>, sealed: &[u8]) -> Option<Vec<u8>> {
        let (key, rest) = sealed.split_first()?;
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE>()?;
        let payload = Payload { msg: ciphertext, aad: &place.bytes() };
        if *key != KEY {
            return None;
        }
        self.cipher(place.holder)?.decrypt(&XNonce::from(*nonce), payload).ok()
    }

    fn cipher(&self, holder: Holder) -> Option<XChaCha20Poly1305> {
        let mut key = [0_u8; 32];
        self.derive.expand(holder.to_string().as_bytes(), &mut key).ok()?;
        Some(XChaCha20Poly1305::new(&key.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(tenant: u128, row: &'static str) -> Place<'static> {
        Place {
            holder: Holder::Tenant(TenantId::new(1, tenant)),
            table: "sources",
            row,
            column: "signing_keys",
        }
    }

    #[test]
    fn opens_where_it_was_sealed_and_nowhere_else() {
        let sealer = Sealer::new([7; 32]);
        let sealed = sealer.seal(place(1, "a"), b"whsec").expect("seals");
        assert_eq!(sealer.open(place(1, "a"), &sealed).expect("opens"), b"whsec");
        assert!(sealer.open(place(2, "a"), &sealed).is_err(), "another tenant");
        assert!(sealer.open(place(1, "b"), &sealed).is_err(), "another row");
        let column = Place { column: "secrets", ..place(1, "a") };
        assert!(sealer.open(column, &sealed).is_err(), "another column");
        assert!(Sealer::new([8; 32]).open(place(1, "a"), &sealed).is_err(), "another master key");
    }

    #[test]
    fn a_changed_byte_does_not_open() {
        let sealer = Sealer::new([7; 32]);
        let sealed = sealer.seal(place(1, "a"), b"whsec").expect("seals");
        for index in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[index] ^= 1;
            assert!(sealer.open(place(1, "a"), &changed).is_err(), "byte {index}");
        }
        assert!(sealer.open(place(1, "a"), &sealed[..20]).is_err(), "cut short");
    }

    #[test]
    fn each_purpose_and_each_master_key_has_a_key_of_its_own() {
        let keys =
            [Sealer::new([7; 32]).key("a"), Sealer::new([7; 32]).key("b"), Sealer::new([8; 32]).key("a")];
        assert_eq!(std::collections::HashSet::from(keys).len(), 3);
        assert_eq!(keys[0], Sealer::new([7; 32]).key("a"), "every node makes the same");
        assert!(keys.iter().all(|key| *key != [0; 64]));
    }

    #[test]
    fn the_same_secret_is_sealed_differently_each_time_and_never_shown() {
        let sealer = Sealer::new([7; 32]);
        let [one, two] = [(); 2].map(|()| sealer.seal(place(1, "a"), b"whsec").expect("seals"));
        assert_ne!(one, two);
        assert!(!format!("{:?} {sealer:?}", Secret::new("whsec")).contains("whsec"));
    }
}
