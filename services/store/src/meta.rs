//! Facts about the database itself, by name.

use sea_orm::EntityTrait;

use crate::{
    Lane, Store, StoreError,
    bulk::{OnConflict, bulk_insert},
    entity::meta,
    txn::Txn,
};

impl Store {
    /// The fact of this name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn meta(&self, name: &str) -> Result<Option<String>, StoreError> {
        let row = meta::Entity::find_by_id(name).one(self.reader()).await?;
        Ok(row.map(|row| row.value))
    }

    /// Keeps a fact, in place of what was there.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn put_meta(&self, name: &str, value: &str) -> Result<(), StoreError> {
        let row = meta::Model { name: name.to_owned(), value: value.to_owned() };
        let row = &row;
        let write = |txn: Txn| async move {
            let txn = txn.as_ref();
            bulk_insert::<meta::Entity>(txn, vec![row.clone()], OnConflict::Replace).await?;
            Ok(())
        };
        self.write_txn(Lane::Other, "meta.put", write).await
    }
}
