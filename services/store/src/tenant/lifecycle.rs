//! Deleting tenants, and taking it back. Nothing below a deleted tenant is touched: it is not reached without it.

use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{NotSet, Set},
    ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter,
};
use serde_json::Value;
use tributary_domain::id::TenantId;

use super::{TenantRecord, Tenants, live};
use crate::{
    Conflict, StoreError,
    audit::{Author, Deed},
    entity::tenant,
    lifecycle::{Deleted, check_revision},
    txn::Txn,
};

impl Tenants<'_> {
    /// The tenant with this id, deleted or not.
    ///
    /// # Errors
    /// When there is none, or it was purged.
    pub async fn get_any(&self, tenant: TenantId) -> Result<TenantRecord, StoreError> {
        let row = tenant::Entity::find_by_id(tenant.to_string()).one(self.store.reader()).await?;
        row.ok_or_else(|| StoreError::not_found("tenant"))?.try_into()
    }

    /// Deletes a tenant that still has this revision: nothing finds it any more, its doors are shut, its messages wait
    /// and its deliveries are not sent. Until it is purged, [`Tenants::undelete`] brings it back as it was.
    ///
    /// # Errors
    /// As [`Tenants::update`].
    pub async fn delete(
        &self,
        tenant: TenantId,
        revision: u64,
        author: &Author,
    ) -> Result<TenantRecord, StoreError> {
        let write = |txn: Txn| async move {
            let txn = txn.as_ref();
            let mut row = self.changed(txn, tenant, revision, author).await?;
            row.deleted_at = Set(Some(author.at.micros()));
            row.update(txn).await?.try_into()
        };
        self.store.tenant(tenant).configure(Deed::new("tenant.delete", tenant), author, write).await
    }

    /// Brings a deleted tenant back, with everything that it had, if it still has this revision; none: whatever its
    /// revision.
    ///
    /// # Errors
    /// When it is not deleted, was purged, or its key belongs to another tenant of the agency by now.
    pub async fn undelete(
        &self,
        tenant: TenantId,
        revision: Option<u64>,
        author: &Author,
    ) -> Result<TenantRecord, StoreError> {
        let write = |txn: Txn| async move {
            let txn = txn.as_ref();
            let row = tenant::Entity::find_by_id(tenant.to_string()).one(txn).await?;
            let row = row.ok_or_else(|| StoreError::not_found("tenant"))?;
            Deleted { what: "tenant", at: row.deleted_at }.check(author.at)?;
            let next = check_revision(row.revision, revision, "tenant")?;
            let taken = || StoreError::KeyTaken { what: "tenant", key: row.key.clone() };
            let same_key = live()
                .filter(tenant::Column::AgencyId.eq(row.agency_id.as_str()))
                .filter(tenant::Column::Key.eq(row.key.as_str()));
            if same_key.one(txn).await?.is_some() {
                return Err(taken());
            }
            let mut changed = row.clone().into_active_model();
            changed.revision = Set(next);
            changed.updated_at = Set(author.at.micros());
            changed.deleted_at = Set(None);
            // Raised already, and locked with it.
            changed.config_rev = NotSet;
            // One that is made at the same time is only seen by the unique key.
            let back = changed.update(txn).await.map_err(|error| match StoreError::from(error) {
                StoreError::Conflict { conflict: Conflict::Exists, .. } => taken(),
                error => error,
            })?;
            Ok((back.try_into()?, Value::Null))
        };
        let deed = Deed::new("tenant.undelete", tenant);
        let is_there = tenant::Column::Id.eq(tenant.to_string());
        self.store.tenant(tenant).configure_if(is_there, deed, author, write).await
    }
}
