//! What is looked up for every message is kept by its hash: keys are long and lie scattered, and a page of the database
//! is written for nearly each of them. The narrower they are, the more of them share one.

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, Statement};
use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};
use tributary_domain::id::{SourceId, TenantId};

use crate::{StoreError, column::to_json};

/// 128 bits of SHA-256 over a tenant and a key of its own: nobody finds two keys with the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct KeyHash([u8; 16]);

impl KeyHash {
    /// Of a dedupe key: two messages of one source with the same key are the same message.
    pub(crate) fn dedupe(tenant: TenantId, source: SourceId, key: &str) -> Self {
        Self::of(tenant, &[&source.bits().to_be_bytes(), key.as_bytes()])
    }

    /// Of an identifier; `value` is the normalised one.
    pub(crate) fn identifier(tenant: TenantId, kind: &str, value: &str) -> Self {
        // No type has a NUL in its name.
        Self::of(tenant, &[kind.as_bytes(), &[0], value.as_bytes()])
    }

    /// Of a provider's key of a booking, among those of one source or of all of the tenant's.
    pub(crate) fn booking(tenant: TenantId, source: Option<SourceId>, key: &str) -> Self {
        let source = source.map_or([0; 16], |source| source.bits().to_be_bytes());
        Self::of(tenant, &[&source, key.as_bytes()])
    }

    /// Its bytes.
    pub(crate) fn bytes(self) -> [u8; 16] {
        self.0
    }

    /// As a column has it.
    pub(crate) fn from_column(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// For a column.
    pub(crate) fn to_column(self) -> Vec<u8> {
        self.0.to_vec()
    }

    fn of(tenant: TenantId, parts: &[&[u8]]) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(tenant.bits().to_be_bytes());
        for part in parts {
            hasher.update(part);
        }
        let mut hash = [0; 16];
        hash.copy_from_slice(&hasher.finalize()[..16]);
        Self(hash)
    }
}

impl Serialize for KeyHash {
    /// In hexadecimal: so it goes to the database in a list of keys.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(self.0))
    }
}

/// Removes these keys from a table of hashes; says how many there were.
pub(crate) async fn forget(
    txn: &DatabaseTransaction,
    table: &str,
    hashes: &[KeyHash],
) -> Result<u64, StoreError> {
    let keys = match txn.get_database_backend() {
        DbBackend::Sqlite => "SELECT unhex(value) FROM json_each(?1)",
        _ => "SELECT decode(value, 'hex') FROM jsonb_array_elements_text($1::jsonb) k(value)",
    };
    let sql = format!("DELETE FROM {table} WHERE key_hash IN ({keys})");
    let values = [to_json(hashes)?.into()];
    let statement = Statement::from_sql_and_values(txn.get_database_backend(), sql, values);
    Ok(txn.execute_raw(statement).await?.rows_affected())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn what_differs_in_any_part_has_another_hash() {
        let tenant = |number| TenantId::new(1, number);
        let source = |number| SourceId::new(1, number);
        let hashes = HashSet::from([
            KeyHash::dedupe(tenant(1), source(1), "a"),
            KeyHash::dedupe(tenant(2), source(1), "a"),
            KeyHash::dedupe(tenant(1), source(2), "a"),
            KeyHash::dedupe(tenant(1), source(1), "b"),
            KeyHash::booking(tenant(1), None, "a"),
            KeyHash::booking(tenant(2), None, "a"),
            KeyHash::identifier(tenant(1), "email", "a"),
            KeyHash::identifier(tenant(2), "email", "a"),
            KeyHash::identifier(tenant(1), "emaila", ""),
            KeyHash::identifier(tenant(1), "", "emaila"),
        ]);
        assert_eq!(hashes.len(), 10);
    }

    #[test]
    fn a_column_gives_back_what_it_was_given() {
        let hash = KeyHash::identifier(TenantId::new(1, 1), "email", "a@example.com");
        assert_eq!(KeyHash::from_column(&hash.to_column()), Some(hash));
        assert_eq!(KeyHash::from_column(&[0; 15]), None);
    }
}
