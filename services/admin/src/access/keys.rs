//! The keys that access tokens are signed with, and when each is used.

use std::{sync::Arc, time::Duration};

use tokio::sync::Mutex;
use tributary_auth::{ACCESS_LIFETIME, Identified, KeyError, SigningKey, key_of};
use tributary_domain::{id::SigningKeyId, time::Timestamp};
use tributary_store::{StoreError, access::SigningKeyRecord, audit::Author};

use crate::AdminContext;

/// How long what was read of the store is believed: so soon every node knows of a new key.
const BELIEVED: Duration = Duration::from_secs(2);
/// How long a new key is only shown before tokens are signed with it: others that verify tokens read the set of keys
/// no more often than every few seconds.
const SHOWN_FIRST: Duration = Duration::from_secs(60);
/// How old a key gets.
const LONGEST_USE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Why there is no key to sign with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RingError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
}

#[derive(Debug, Clone)]
struct Held {
    record: SigningKeyRecord,
    key: SigningKey,
}

#[derive(Debug)]
struct Read {
    at: Timestamp,
    keys: Arc<Vec<Held>>,
}

/// The keys of the installation.
#[derive(Debug)]
pub(crate) struct KeyRing {
    context: AdminContext,
    read: Mutex<Option<Read>>,
}

impl KeyRing {
    pub(crate) fn new(context: AdminContext) -> Self {
        Self { context, read: Mutex::new(None) }
    }

    /// An access token, and when it expires.
    ///
    /// # Errors
    /// When the store fails, or the key cannot sign.
    pub(crate) async fn sign(&self, who: Identified) -> Result<(String, Timestamp), RingError> {
        let now = self.context.clock.now();
        let keys = self.keys(now).await?;
        let newest = keys.last();
        if newest.is_none_or(|held| now.since(held.record.created_at) > LONGEST_USE) {
            let author = Author::new("key_rotation", now);
            self.add(newest.map(|held| &held.record), &author).await?;
        }
        let keys = self.keys(now).await?;
        // The newest that signs already; where all are new, because there was none before, the oldest of them.
        let signing = keys.iter().rev().find(|held| held.record.signs_from <= now).or(keys.first());
        let signing = signing.ok_or(RingError::Key(KeyError))?;
        Ok(signing.key.sign(&self.context.public_url, who, now)?)
    }

    /// Who `token` says that calls; nothing when it is refused.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn verify(&self, token: &str) -> Result<Option<Identified>, RingError> {
        let Ok(id) = key_of(token) else { return Ok(None) };
        let now = self.context.clock.now();
        let keys = self.keys(now).await?;
        let held = keys.iter().find(|held| held.record.id == id);
        let held = held.filter(|held| held.record.retires_at.is_none_or(|retires| retires > now));
        Ok(held.and_then(|held| held.key.verify(&self.context.public_url, token, now).ok()))
    }

    /// Has tokens signed with a new key soon. The outcome is from when on.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn rotate(&self, author: &Author) -> Result<Timestamp, RingError> {
        self.forget().await;
        let keys = self.keys(author.at).await?;
        self.add(keys.last().map(|held| &held.record), author).await?;
        let keys = self.keys(author.at).await?;
        Ok(keys.last().map_or(author.at, |held| held.record.signs_from))
    }

    /// The public keys as a JSON Web Key Set.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn jwks(&self) -> Result<serde_json::Value, RingError> {
        let keys = self.keys(self.context.clock.now()).await?;
        let public: Vec<_> = keys.iter().map(|held| held.key.public()).collect();
        Ok(serde_json::json!({ "keys": public }))
    }

    async fn add(&self, newest: Option<&SigningKeyRecord>, author: &Author) -> Result<(), RingError> {
        let now = author.at;
        let signs_from = if newest.is_some() { now.plus(SHOWN_FIRST) } else { now };
        let next = SigningKeyRecord {
            id: SigningKeyId::new(now.millis(), (self.context.random)()),
            created_at: now,
            signs_from,
            retires_at: None,
        };
        // Until then a token lives that was signed just before the new key was.
        let others_retire_at = signs_from.plus(ACCESS_LIFETIME).plus(SHOWN_FIRST);
        let keys = self.context.store.signing_keys();
        keys.rotate(newest.map(|record| record.id), next, others_retire_at, author).await?;
        self.forget().await;
        Ok(())
    }

    async fn forget(&self) {
        *self.read.lock().await = None;
    }

    async fn keys(&self, now: Timestamp) -> Result<Arc<Vec<Held>>, RingError> {
        let mut read = self.read.lock().await;
        if let Some(read) = read.as_ref().filter(|read| now.since(read.at) < BELIEVED) {
            return Ok(Arc::clone(&read.keys));
        }
        let mut keys = Vec::new();
        for record in self.context.store.signing_keys().list(now).await? {
            keys.push(Held { record, key: self.derive(record.id)? });
        }
        let keys = Arc::new(keys);
        *read = Some(Read { at: now, keys: Arc::clone(&keys) });
        Ok(keys)
    }

    /// The same on every node, and nowhere written down.
    fn derive(&self, id: SigningKeyId) -> Result<SigningKey, KeyError> {
        let bytes = self.context.store.key(&format!("access tokens signed with {id}"));
        let (secret, _) = bytes.split_first_chunk::<32>().ok_or(KeyError)?;
        SigningKey::new(id, secret)
    }
}
