//! Suppressions: identifiers whose events are not processed, or not sent to some destinations. Of an identifier only a
//! keyed hash is kept, so that nobody learns from the list who is on it; the ledger writes it, between two batches.

use std::{collections::BTreeSet, fmt};

use hmac::{Hmac, KeyInit, Mac};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize, Serializer};
use sha2::Sha256;
use tributary_domain::{
    id::{DestinationId, SuppressionId, TenantId},
    time::Timestamp,
};

use crate::{
    Page, Paged, Sealer, StoreError, TenantScope,
    column::{bits, json},
    entity::suppression,
};

/// 128 bits of HMAC-SHA-256 over an identifier, under a key that is derived from the master key for each tenant: without
/// the key, a list of guesses cannot be tried against it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SuppressionHash([u8; 16]);

impl SuppressionHash {
    /// As a column has it.
    pub(crate) fn from_column(column: &[u8]) -> Result<Self, StoreError> {
        bits(column, "suppressions.key_hash").map(|bits| Self(bits.to_be_bytes()))
    }

    /// For a column.
    pub(crate) fn to_column(self) -> Vec<u8> {
        self.0.to_vec()
    }

    /// The id by which the suppression is known.
    pub(crate) fn id(self) -> SuppressionId {
        SuppressionId::from_bits(u128::from_be_bytes(self.0))
    }

    /// The hash that an id is made of.
    pub(crate) fn of_id(id: SuppressionId) -> Self {
        Self(id.bits().to_be_bytes())
    }
}

impl Serialize for SuppressionHash {
    /// In hexadecimal: so it goes to the database in a list of keys.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(self.0))
    }
}

/// Hashes the identifiers of one tenant.
#[derive(Clone)]
pub(crate) struct SuppressionKey(Hmac<Sha256>);

impl fmt::Debug for SuppressionKey {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SuppressionKey(…)")
    }
}

impl SuppressionKey {
    pub(crate) fn of(sealer: &Sealer, tenant: TenantId) -> Self {
        // The key has the length of a block of SHA-256.
        Self(Hmac::new(&sealer.key(&format!("suppressions of {tenant}")).into()))
    }

    /// The hash of an identifier; `value` is the normalised one.
    pub(crate) fn hash(&self, kind: &str, value: &str) -> SuppressionHash {
        let mut mac = self.0.clone();
        mac.update(kind.as_bytes());
        // No type has a NUL in its name.
        mac.update(&[0]);
        mac.update(value.as_bytes());
        let tag: [u8; 32] = mac.finalize().into_bytes().into();
        let mut hash = [0; 16];
        hash.copy_from_slice(&tag[..16]);
        SuppressionHash(hash)
    }
}

/// A suppression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuppressionRecord {
    /// Its id.
    pub id: SuppressionId,
    /// The type of the identifier, such as `email`.
    pub kind: String,
    /// Since when it is on the tenant's list; none: it is there only because somebody was erased.
    pub listed_at: Option<Timestamp>,
    /// What is dated until then belongs to somebody who was erased; none: nobody was.
    pub erased_until: Option<Timestamp>,
    /// What the tenant calls it.
    pub label: String,
    /// The destinations that it is kept from; none: its events are not processed at all.
    pub destinations: Option<BTreeSet<DestinationId>>,
}

/// Identifiers that go on a tenant's list, as a ledger command has them: hashed already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Listed {
    /// Types and ids of suppressions, which are hashes.
    pub(crate) identifiers: Vec<(String, SuppressionId)>,
    pub(crate) label: String,
    pub(crate) destinations: Option<BTreeSet<DestinationId>>,
}

impl TenantScope<'_> {
    /// The id that the suppression of an identifier has, whether or not there is one; `value` is the normalised one.
    pub fn suppression_id(&self, kind: &str, value: &str) -> SuppressionId {
        SuppressionKey::of(self.store().sealer(), self.id()).hash(kind, value).id()
    }

    /// The tenant's suppressions by their ids, which say nothing of time: those on its list, or those of people who were
    /// erased too.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn suppressions(
        &self,
        with_erased: bool,
        page: Page<SuppressionId>,
    ) -> Result<Paged<SuppressionRecord, SuppressionId>, StoreError> {
        let mut query = suppression::Entity::find().filter(suppression::Column::TenantId.eq(self.key()));
        if !with_erased {
            query = query.filter(suppression::Column::ListedAt.is_not_null());
        }
        if let Some(after) = page.after {
            query = query.filter(suppression::Column::KeyHash.gt(SuppressionHash::of_id(after).to_column()));
        }
        let query = query.order_by_asc(suppression::Column::KeyHash).limit(page.rows());
        page.fill(query.all(&self.reader()).await?, SuppressionRecord::try_from, |record| record.id)
    }

    /// The suppression with this id.
    ///
    /// # Errors
    /// When the tenant has none.
    pub async fn suppression(&self, id: SuppressionId) -> Result<SuppressionRecord, StoreError> {
        let key = (self.key(), SuppressionHash::of_id(id).to_column());
        let row = suppression::Entity::find_by_id(key).one(&self.reader()).await?;
        row.ok_or_else(|| StoreError::not_found("suppression"))?.try_into()
    }
}

impl TryFrom<suppression::Model> for SuppressionRecord {
    type Error = StoreError;

    fn try_from(row: suppression::Model) -> Result<Self, StoreError> {
        let destinations = row.destinations.map(|text| json(&text, "suppressions.destinations"));
        Ok(Self {
            id: SuppressionHash::from_column(&row.key_hash)?.id(),
            kind: row.kind,
            listed_at: row.listed_at.map(Timestamp::from_micros),
            erased_until: row.erased_until.map(Timestamp::from_micros),
            label: row.label,
            destinations: destinations.transpose()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_of_one_tenant_one_type_and_one_master_key() {
        let key = |master, tenant| SuppressionKey::of(&Sealer::new([master; 32]), TenantId::new(1, tenant));
        let hashes = BTreeSet::from([
            key(7, 1).hash("email", "a"),
            key(7, 2).hash("email", "a"),
            key(8, 1).hash("email", "a"),
            key(7, 1).hash("phone", "a"),
            key(7, 1).hash("emaila", ""),
            key(7, 1).hash("email", "b"),
        ]);
        assert_eq!(hashes.len(), 6);
        let hash = key(7, 1).hash("email", "a");
        assert_eq!(SuppressionHash::of_id(hash.id()), hash);
        assert_eq!(SuppressionHash::from_column(&hash.to_column()), Ok(hash));
    }
}
