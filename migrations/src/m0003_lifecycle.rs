//! What deleting, quotas and repeated requests need.

use sea_orm_migration::{
    DbErr, MigrationName, MigrationTrait, SchemaManager, async_trait,
    sea_query::{Alias, Index},
};

use crate::table::add_text_null;

pub(crate) struct Lifecycle;

impl MigrationName for Lifecycle {
    fn name(&self) -> &str {
        "m0003_lifecycle"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Lifecycle {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        deletion(manager).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

async fn deletion(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    // The source that a workflow was deleted with: it comes back with that source.
    add_text_null(manager, "workflows", "deleted_with").await?;
    // A tenant's entries are listed, and in the end removed, by their tenant.
    let mut index = Index::create();
    index.name("ix_audit_log_tenant_id_id").table("audit_log").if_not_exists();
    manager.create_index(index.col(Alias::new("tenant_id")).col(Alias::new("id")).take()).await
}
