//! Deleting workflows, and taking it back.

use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, IntoActiveModel, QueryFilter};
use tributary_domain::{id::WorkflowId, quota::Countable};

use super::WorkflowRecord;
use crate::{
    StoreError, TenantScope,
    audit::{Author, Deed},
    column::id,
    entity::workflow,
    lifecycle::{Deleted, check_revision},
    txn::Txn,
};

impl TenantScope<'_> {
    /// The workflow with this id, deleted or not.
    ///
    /// # Errors
    /// When the tenant has none, or it was purged.
    pub async fn any_workflow(&self, workflow: WorkflowId) -> Result<WorkflowRecord, StoreError> {
        let query = self.all_workflows().filter(workflow::Column::Id.eq(workflow.to_string()));
        let row = query.one(&self.reader()).await?;
        row.ok_or_else(|| StoreError::not_found("workflow"))?.try_into()
    }

    /// Deletes a workflow that still has this revision. Its versions stay, so that its runs can be explained, until it
    /// is purged; until then, [`TenantScope::undelete_workflow`] brings it back as it was.
    ///
    /// # Errors
    /// As [`TenantScope::update_workflow`].
    pub async fn delete_workflow(
        &self,
        workflow: WorkflowId,
        revision: u64,
        author: &Author,
    ) -> Result<WorkflowRecord, StoreError> {
        let write = |txn: Txn| async move {
            let txn = txn.as_ref();
            let mut row = self.changed_workflow(txn, workflow, revision, author).await?;
            row.deleted_at = Set(Some(author.at.micros()));
            row.update(txn).await?.try_into()
        };
        self.configure(Deed::new("workflow.delete", workflow), author, write).await
    }

    /// Brings a deleted workflow back, with its draft and the version that was in force, if it still has this revision;
    /// none: whatever its revision.
    ///
    /// # Errors
    /// When it is not deleted, was purged, its source is deleted, or its key belongs to another workflow by now.
    pub async fn undelete_workflow(
        &self,
        workflow: WorkflowId,
        revision: Option<u64>,
        author: &Author,
    ) -> Result<WorkflowRecord, StoreError> {
        let write = |txn: Txn| async move {
            let txn = txn.as_ref();
            let query = self.all_workflows().filter(workflow::Column::Id.eq(workflow.to_string()));
            let row = query.one(txn).await?.ok_or_else(|| StoreError::not_found("workflow"))?;
            Deleted { what: "workflow", at: row.deleted_at }.check(author.at)?;
            let next = check_revision(row.revision, revision, "workflow")?;
            let source = self.live_source(txn, id(&row.source_id, "workflows.source_id")?).await;
            source.map_err(|error| match error {
                StoreError::NotFound { .. } => StoreError::parent_deleted("workflow"),
                error => error,
            })?;
            let same_key = self.live_workflows().filter(workflow::Column::Key.eq(row.key.as_str()));
            if same_key.one(txn).await?.is_some() {
                return Err(StoreError::KeyTaken { what: "workflow", key: row.key });
            }
            self.check_quota(txn, Countable::Workflows, 1).await?;
            let mut row = row.into_active_model();
            row.revision = Set(next);
            row.updated_at = Set(author.at.micros());
            row.deleted_at = Set(None);
            row.update(txn).await?.try_into()
        };
        self.configure(Deed::new("workflow.undelete", workflow), author, write).await
    }
}
