//! The sources and their secrets, in memory: the door looks here and nowhere else.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::ArcSwap;
use sha2::{Digest, Sha256};
use tributary_connectors::sources::{Provider, SourceSettings};
use tributary_domain::{
    id::{SourceId, TenantId},
    time::Timestamp,
};

use crate::gate::TenantGate;

/// The SHA-256 of the secret part of a source's URL; the secret itself is not kept anywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SecretHash([u8; 32]);

/// A text that is not 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a SHA-256: expected 64 hexadecimal digits")]
pub struct InvalidHash;

impl SecretHash {
    /// The hash of a secret as it stands in the URL.
    pub fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret).into())
    }

    /// The hash that these 64 hexadecimal digits write.
    ///
    /// # Errors
    /// When they are no such digits.
    pub fn from_hex(digits: &str) -> Result<Self, InvalidHash> {
        let mut hash = [0; 32];
        hex::decode_to_slice(digits, &mut hash).map_err(|_| InvalidHash)?;
        Ok(Self(hash))
    }
}

/// One secret of a source; several while they are rotated.
#[derive(Clone, PartialEq, Eq)]
pub struct SourceSecret {
    /// Its hash.
    pub hash: SecretHash,
    /// When it ends to open the door; unset: never.
    pub expires_at: Option<Timestamp>,
    /// The one key that signatures are checked with at this URL; unset: the source's own.
    pub key: Option<String>,
}

impl fmt::Debug for SourceSecret {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceSecret").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// Whether a source takes messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceState {
    /// It does.
    Live,
    /// It was deleted: senders are told so for good.
    Deleted,
}

/// What the door knows of a source.
#[derive(Clone)]
pub struct SourceEntry {
    /// Whose it is.
    pub tenant: TenantId,
    /// Its id.
    pub source: SourceId,
    /// How its sender signs.
    pub provider: &'static dyn Provider,
    /// What its owner set.
    pub settings: Arc<SourceSettings>,
    /// The keys that signatures are checked with; none: unsigned requests are taken.
    pub keys: Vec<String>,
    /// The largest body it takes, in bytes.
    pub body_limit: usize,
    /// Whether it takes messages.
    pub state: SourceState,
}

impl fmt::Debug for SourceEntry {
    /// Keys and settings stay out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceEntry")
            .field("tenant", &self.tenant)
            .field("source", &self.source)
            .field("keys", &self.keys.len())
            .field("body_limit", &self.body_limit)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// What a secret opens.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) source: Arc<SourceEntry>,
    pub(crate) tenant: Arc<TenantGate>,
    pub(crate) expires_at: Option<Timestamp>,
}

type Listing = HashMap<SecretHash, Found>;

/// All sources by the hash of their secrets. Looking up takes no lock; a change makes a new listing.
#[derive(Debug, Default)]
pub struct SourceDirectory {
    listing: ArcSwap<Listing>,
    /// One for each tenant that ever had a source or was asked for; the sources share it.
    gates: Mutex<HashMap<TenantId, Arc<TenantGate>>>,
}

impl SourceDirectory {
    /// Forgets all sources and takes these, each with its secrets.
    pub fn replace_all(&self, sources: impl IntoIterator<Item = (SourceEntry, Vec<SourceSecret>)>) {
        let mut listing = Listing::new();
        for (entry, secrets) in sources {
            self.list(&mut listing, &Arc::new(entry), &secrets);
        }
        self.listing.store(Arc::new(listing));
    }

    /// Takes this state of one source, known before or not: only these secrets open it from now on.
    pub fn replace_source(&self, entry: SourceEntry, secrets: &[SourceSecret]) {
        let entry = Arc::new(entry);
        self.listing.rcu(|listing| {
            let mut next = Listing::clone(listing);
            next.retain(|_, found| found.source.source != entry.source);
            self.list(&mut next, &entry, secrets);
            next
        });
    }

    /// Forgets what is not there any more: nothing opens a source, or any of a tenant's, that was removed.
    pub fn remove(&self, is_gone: impl Fn(&SourceEntry) -> bool) {
        self.listing.rcu(|listing| {
            let mut next = Listing::clone(listing);
            next.retain(|_, found| !is_gone(&found.source));
            next
        });
    }

    /// What all sources of a tenant share; open until it is said otherwise.
    pub fn gate(&self, tenant: TenantId) -> Arc<TenantGate> {
        // A gate is added in one step, so the map is whole even if whoever held the lock panicked.
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(gates.entry(tenant).or_default())
    }

    /// What `secret` opens; expired or deleted ones too.
    pub(crate) fn find(&self, secret: &str) -> Option<Found> {
        self.listing.load().get(&SecretHash::of(secret)).cloned()
    }

    fn list(&self, listing: &mut Listing, entry: &Arc<SourceEntry>, secrets: &[SourceSecret]) {
        let tenant = self.gate(entry.tenant);
        for secret in secrets {
            let source = match &secret.key {
                Some(key) => Arc::new(SourceEntry { keys: vec![key.clone()], ..SourceEntry::clone(entry) }),
                None => Arc::clone(entry),
            };
            let tenant = Arc::clone(&tenant);
            listing.insert(secret.hash, Found { source, tenant, expires_at: secret.expires_at });
        }
    }
}
