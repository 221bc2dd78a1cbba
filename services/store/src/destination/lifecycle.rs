//! Deleting destinations, and taking it back.

use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, IntoActiveModel, QueryFilter};
use tributary_domain::{id::DestinationId, quota::Countable};

use super::DestinationRecord;
use crate::{
    StoreError, TenantScope,
    audit::{Author, Deed},
    entity::destination,
    lifecycle::{Deleted, check_revision},
    txn::Txn,
};

impl TenantScope<'_> {
    /// The destination with this id, deleted or not.
    ///
    /// # Errors
    /// When the tenant has none, or it was purged.
    pub async fn any_destination(&self, destination: DestinationId) -> Result<DestinationRecord, StoreError> {
        let query = self.all_destinations().filter(destination::Column::Id.eq(destination.to_string()));
        let row = query.one(&self.reader()).await?;
        row.ok_or_else(|| StoreError::not_found("destination"))?.try_into()
    }

    /// Deletes a destination that still has this revision. Deliveries that wait are not sent; until it is purged,
    /// [`TenantScope::undelete_destination`] brings it back as it was, and they are.
    ///
    /// # Errors
    /// As [`TenantScope::update_destination`].
    pub async fn delete_destination(
        &self,
        destination: DestinationId,
        revision: u64,
        author: &Author,
    ) -> Result<DestinationRecord, StoreError> {
        let write = |txn: Txn| async move {
            let txn = txn.as_ref();
            let mut row = self.changed_destination(txn, destination, revision, author).await?;
            row.deleted_at = Set(Some(author.at.micros()));
            row.update(txn).await?.try_into()
        };
        self.configure(Deed::new("destination.delete", destination), author, write).await
    }

    /// Brings a deleted destination back, with its secrets and the deliveries that wait for it, if it still has this
    /// revision; none: whatever its revision.
    ///
    /// # Errors
    /// When it is not deleted, was purged, or its key belongs to another destination by now.
    pub async fn undelete_destination(
        &self,
        destination: DestinationId,
        revision: Option<u64>,
        author: &Author,
    ) -> Result<DestinationRecord, StoreError> {
        let write = |txn: Txn| async move {
            let txn = txn.as_ref();
            let query = self.all_destinations().filter(destination::Column::Id.eq(destination.to_string()));
            let row = query.one(txn).await?.ok_or_else(|| StoreError::not_found("destination"))?;
            Deleted { what: "destination", at: row.deleted_at }.check(author.at)?;
            let next = check_revision(row.revision, revision, "destination")?;
            let same_key = self.live_destinations().filter(destination::Column::Key.eq(row.key.as_str()));
            if same_key.one(txn).await?.is_some() {
                return Err(StoreError::KeyTaken { what: "destination", key: row.key });
            }
            self.check_quota(txn, Countable::Destinations, 1).await?;
            let mut row = row.into_active_model();
            row.revision = Set(next);
            row.updated_at = Set(author.at.micros());
            row.deleted_at = Set(None);
            row.update(txn).await?.try_into()
        };
        self.configure(Deed::new("destination.undelete", destination), author, write).await
    }
}
