//! What removing things for their age needs.

mod partitions;

use sea_orm_migration::{DbErr, MigrationName, MigrationTrait, SchemaManager, async_trait};

use crate::table::Table;

pub(crate) struct Retention;

impl MigrationName for Retention {
    fn name(&self) -> &str {
        "m0005_retention"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Retention {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Rows whose bodies were removed stay for longer, so that it has to be known where those begin that have theirs.
        Table::new("retention_progress")
            .text("tenant_id")
            .text("part")
            .text("place")
            .primary_key(&["tenant_id", "part"])
            .without_rowid()
            .create(manager)
            .await?;
        partitions::up(manager).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
