//! What backtests found.

use sea_orm_migration::{DbErr, MigrationName, MigrationTrait, SchemaManager, async_trait};

use crate::table::Table;

pub(crate) struct Backtests;

impl MigrationName for Backtests {
    fn name(&self) -> &str {
        "m0008_backtests"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Backtests {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        Table::new("backtests")
            .text("tenant_id")
            .text("operation_id")
            // Counts and examples; names, codes and ids, and no values of messages.
            .text("report")
            .primary_key(&["tenant_id", "operation_id"])
            .create(manager)
            .await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
