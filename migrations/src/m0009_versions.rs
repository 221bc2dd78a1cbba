//! Who published a version of a workflow, what they wrote about it, and which version it put in force again.

use sea_orm_migration::{
    DbErr, MigrationName, MigrationTrait, SchemaManager, async_trait,
    sea_orm::ConnectionTrait,
    sea_query::{ColumnDef, Table as Statement},
};

use crate::table::add_text_null;

pub(crate) struct Versions;

impl MigrationName for Versions {
    fn name(&self) -> &str {
        "m0009_versions"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Versions {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        add_text_null(manager, "workflow_versions", "author").await?;
        add_text_null(manager, "workflow_versions", "note").await?;
        let restored = ColumnDef::new("restored_version").integer().take();
        manager
            .alter_table(Statement::alter().table("workflow_versions").add_column(restored).take())
            .await?;
        // Who published what is there already stands in the audit log, which was written in the same transaction.
        let known = "UPDATE workflow_versions SET author = (SELECT MIN(actor) FROM audit_log \
                     WHERE audit_log.tenant_id = workflow_versions.tenant_id \
                     AND audit_log.action = 'workflow.publish' \
                     AND audit_log.resource = workflow_versions.workflow_id \
                     AND audit_log.at = workflow_versions.created_at)";
        manager.get_connection().execute_unprepared(known).await.map(drop)
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
