//! Ledger commands, progress, audit and meta.

use sea_orm_migration::{DbErr, SchemaManager};

use crate::table::Table;

pub(super) async fn up(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    Table::new("ledger_commands")
        .text("id")
        .text("tenant_id")
        .text("kind")
        .text("payload")
        .text("state")
        .text_null("result")
        .big("created_at")
        .big_null("applied_at")
        .big_null("applied_after")
        .primary_key(&["id"])
        .index(&["state"])
        .create(manager)
        .await?;
    Table::new("partition_progress")
        .integer("partition")
        .text("journal_id")
        .big("seq")
        .text("owner")
        .big("epoch")
        .primary_key(&["partition"])
        // Otherwise SQLite takes the lone integer key for its row id, and a null in it for "the next one".
        .without_rowid()
        .create(manager)
        .await?;
    Table::new("journal_progress")
        .text("journal_id")
        .integer("partition")
        .big("seq")
        .primary_key(&["journal_id", "partition"])
        .without_rowid()
        .create(manager)
        .await?;
    Table::new("audit_log")
        .text("id")
        .big("at")
        .text_null("tenant_id")
        .text("actor")
        .text("action")
        .text("resource")
        .text("detail")
        .primary_key(&["id"])
        .create(manager)
        .await?;
    Table::new("meta").text("name").text("value").primary_key(&["name"]).create(manager).await
}
