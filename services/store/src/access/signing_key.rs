//! When each key that access tokens are signed with is used. The keys are not here: every node derives them from the
//! master key and the id (see [`Store::key`]).

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, ExprTrait, IntoActiveModel, QueryFilter,
    QueryOrder,
};
use tributary_domain::{id::SigningKeyId, time::Timestamp};

use crate::{
    Lane, Store, StoreError,
    audit::{self, Author, Deed, Owner},
    bulk::{OnConflict, bulk_insert},
    column::id,
    entity::{meta, signing_key},
    txn::Txn,
};

/// The fact by which rotations wait for each other.
const TURN: &str = "newest_signing_key";

/// A key, and when it is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SigningKeyRecord {
    /// Its id.
    pub id: SigningKeyId,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on tokens are signed with it.
    pub signs_from: Timestamp,
    /// From when on its tokens are refused; none: it is in use.
    pub retires_at: Option<Timestamp>,
}

/// The signing keys of the installation.
#[derive(Debug, Clone, Copy)]
pub struct SigningKeys<'a> {
    store: &'a Store,
}

impl Store {
    /// The signing keys of the installation.
    pub fn signing_keys(&self) -> SigningKeys<'_> {
        SigningKeys { store: self }
    }
}

impl SigningKeys<'_> {
    /// Those whose tokens are accepted at `now`, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list(&self, now: Timestamp) -> Result<Vec<SigningKeyRecord>, StoreError> {
        let retires = signing_key::Column::RetiresAt;
        let query = signing_key::Entity::find().filter(retires.is_null().or(retires.gt(now.micros())));
        let rows = query.order_by_asc(signing_key::Column::Id).all(self.store.reader()).await?;
        rows.into_iter().map(SigningKeyRecord::try_from).collect()
    }

    /// Adds the key `next`, unless another one than `newest` is the newest by now; those that are there retire at
    /// `others_retire_at`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn rotate(
        &self,
        newest: Option<SigningKeyId>,
        next: SigningKeyRecord,
        others_retire_at: Timestamp,
        author: &Author,
    ) -> Result<(), StoreError> {
        let write = |txn: Txn| async move {
            let txn = txn.as_ref();
            // Locks a row that nobody reads, so that nodes that rotate at once do so one after another.
            let turn = meta::Model { name: TURN.to_owned(), value: next.id.to_string() };
            bulk_insert::<meta::Entity>(txn, vec![turn], OnConflict::Replace).await?;
            let live = signing_key::Entity::find().filter(signing_key::Column::RetiresAt.is_null());
            let live = live.order_by_asc(signing_key::Column::Id).all(txn).await?;
            if live.last().map(|row| row.id.as_str()) != newest.map(|id| id.to_string()).as_deref() {
                return Ok(());
            }
            for row in live {
                let mut row = row.into_active_model();
                row.retires_at = Set(Some(others_retire_at.micros()));
                row.update(txn).await?;
            }
            let row = signing_key::Model {
                id: next.id.to_string(),
                created_at: next.created_at.micros(),
                signs_from: next.signs_from.micros(),
                retires_at: None,
            };
            signing_key::Entity::insert(row.into_active_model()).exec_without_returning(txn).await?;
            audit::append(txn, Owner::Installation, author, &Deed::new("signing_key.create", next.id)).await
        };
        self.store.write_txn(Lane::Other, "signing_key.rotate", write).await
    }
}

impl TryFrom<signing_key::Model> for SigningKeyRecord {
    type Error = StoreError;

    fn try_from(row: signing_key::Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: id(&row.id, "signing_keys.id")?,
            created_at: Timestamp::from_micros(row.created_at),
            signs_from: Timestamp::from_micros(row.signs_from),
            retires_at: row.retires_at.map(Timestamp::from_micros),
        })
    }
}
