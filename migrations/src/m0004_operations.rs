//! Long work that goes on behind its call, and what was processed or sent again by it.

use sea_orm_migration::{DbErr, MigrationName, MigrationTrait, SchemaManager, async_trait};

use crate::table::Table;

pub(crate) struct Operations;

impl MigrationName for Operations {
    fn name(&self) -> &str {
        "m0004_operations"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Operations {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        operations(manager).await?;
        replays(manager).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

async fn operations(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    Table::new("operations")
        .text("tenant_id")
        .text("id")
        .text("kind")
        .text("state")
        .bytes("request")
        .text("work")
        // Where choosing goes on; null: all is chosen.
        .text_null("place")
        .big("total")
        .big("done")
        .big("failed")
        .big("revision")
        .text("actor")
        .big("created_at")
        .big("updated_at")
        .big_null("completed_at")
        .text_null("error")
        .primary_key(&["tenant_id", "id"])
        .index_where(&["id"], "state", "RUNNING")
        .create(manager)
        .await?;
    Table::new("operation_items")
        .text("tenant_id")
        .text("operation_id")
        .text("item")
        // Its place in the held lane, once it is there.
        .big_null("position")
        .primary_key(&["tenant_id", "operation_id", "item"])
        .without_rowid()
        .create(manager)
        .await
}

/// What stands beside logs that every message is written to: only what is done again costs a row.
async fn replays(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    Table::new("message_replays")
        .text("tenant_id")
        .text("message_id")
        .big("position")
        .text("operation_id")
        .big("asked_at")
        .big_null("replayed_at")
        .text_null("before")
        .primary_key(&["tenant_id", "message_id", "position"])
        .without_rowid()
        .create(manager)
        .await?;
    Table::new("delivery_replays")
        .text("tenant_id")
        .text("delivery_id")
        // How many attempts were made before.
        .integer("attempts")
        .text("operation_id")
        .big("replayed_at")
        .text("before")
        .primary_key(&["tenant_id", "delivery_id", "attempts"])
        .without_rowid()
        .create(manager)
        .await
}
