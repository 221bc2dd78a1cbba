//! Deleting sources, and taking it back. A source's workflows go with it, and come back with it.

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, DatabaseTransaction, EntityTrait, IntoActiveModel,
    QueryFilter, sea_query::Expr,
};
use tributary_domain::{id::SourceId, quota::Countable};

use super::SourceRecord;
use crate::{
    StoreError, TenantScope,
    audit::{Author, Deed},
    entity::{source, workflow},
    lifecycle::{Deleted, check_revision},
    txn::Txn,
};

impl TenantScope<'_> {
    /// The source with this id, deleted or not.
    ///
    /// # Errors
    /// When the tenant has none, or it was purged.
    pub async fn any_source(&self, source: SourceId) -> Result<SourceRecord, StoreError> {
        let query = self.all_sources().filter(source::Column::Id.eq(source.to_string()));
        let row = query.one(&self.reader()).await?;
        row.ok_or_else(|| StoreError::not_found("source"))?.try_into()
    }

    /// Deletes a source that still has this revision, and its workflows with it. Its door answers 410 from now on, so
    /// its secrets are kept; what it accepted before is still processed. Until it is purged,
    /// [`TenantScope::undelete_source`] brings it back as it was.
    ///
    /// # Errors
    /// As [`TenantScope::update_source`].
    pub async fn delete_source(
        &self,
        source: SourceId,
        revision: u64,
        author: &Author,
    ) -> Result<SourceRecord, StoreError> {
        let write = |txn: Txn| async move {
            let txn = txn.as_ref();
            let mut row = self.changed_source(txn, source, revision, author).await?;
            row.deleted_at = Set(Some(author.at.micros()));
            workflow::Entity::update_many()
                .col_expr(workflow::Column::DeletedAt, Expr::value(author.at.micros()))
                .col_expr(workflow::Column::DeletedWith, Expr::value(source.to_string()))
                .filter(workflow::Column::TenantId.eq(self.key()))
                .filter(workflow::Column::SourceId.eq(source.to_string()))
                .filter(workflow::Column::DeletedAt.is_null())
                .exec(txn)
                .await?;
            row.update(txn).await?.try_into()
        };
        self.configure(Deed::new("source.delete", source), author, write).await
    }

    /// Brings a deleted source back, with its URL, its keys and the workflows that were deleted with it, if it still
    /// has this revision; none: whatever its revision.
    ///
    /// # Errors
    /// When it is not deleted, was purged, or its key or that of one of its workflows belongs to another one by now.
    pub async fn undelete_source(
        &self,
        source: SourceId,
        revision: Option<u64>,
        author: &Author,
    ) -> Result<SourceRecord, StoreError> {
        let write = |txn: Txn| async move {
            let txn = txn.as_ref();
            let query = self.all_sources().filter(source::Column::Id.eq(source.to_string()));
            let row = query.one(txn).await?.ok_or_else(|| StoreError::not_found("source"))?;
            Deleted { what: "source", at: row.deleted_at }.check(author.at)?;
            let next = check_revision(row.revision, revision, "source")?;
            if self.live_sources().filter(source::Column::Key.eq(row.key.as_str())).one(txn).await?.is_some()
            {
                return Err(StoreError::KeyTaken { what: "source", key: row.key });
            }
            self.check_quota(txn, Countable::Sources, 1).await?;
            self.undelete_workflows_of(txn, source).await?;
            let mut row = row.into_active_model();
            row.revision = Set(next);
            row.updated_at = Set(author.at.micros());
            row.deleted_at = Set(None);
            row.update(txn).await?.try_into()
        };
        self.configure(Deed::new("source.undelete", source), author, write).await
    }

    async fn undelete_workflows_of(
        &self,
        txn: &DatabaseTransaction,
        source: SourceId,
    ) -> Result<(), StoreError> {
        let with_it = workflow::Column::DeletedWith.eq(source.to_string());
        let gone = self.all_workflows().filter(with_it.clone()).all(txn).await?;
        let keys = gone.iter().map(|row| row.key.as_str());
        let taken = self.live_workflows().filter(workflow::Column::Key.is_in(keys)).one(txn).await?;
        if let Some(taken) = taken {
            return Err(StoreError::KeyTaken { what: "workflow", key: taken.key });
        }
        self.check_quota(txn, Countable::Workflows, gone.len() as u64).await?;
        workflow::Entity::update_many()
            .col_expr(workflow::Column::DeletedAt, Expr::value(None::<i64>))
            .col_expr(workflow::Column::DeletedWith, Expr::value(None::<String>))
            .filter(workflow::Column::TenantId.eq(self.key()))
            .filter(with_it)
            .exec(txn)
            .await?;
        Ok(())
    }
}
