//! Sources, their secrets, and what was refused at their doors.

use sea_orm_migration::{DbErr, SchemaManager};

use crate::table::Table;

pub(super) async fn up(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    Table::new("sources")
        .text("id")
        .text("tenant_id")
        .text("key")
        .text("display_name")
        .text("provider")
        .text("settings")
        .bytes_null("signing_keys")
        .big("body_limit")
        .big("revision")
        .big("created_at")
        .big("updated_at")
        .big_null("deleted_at")
        .primary_key(&["id"])
        .unique_while_live(&["tenant_id", "key"])
        .create(manager)
        .await?;
    Table::new("source_secrets")
        .text("hash")
        .text("tenant_id")
        .text("source_id")
        .text("prefix")
        .big("created_at")
        .big_null("expires_at")
        .primary_key(&["hash"])
        .create(manager)
        .await?;
    Table::new("rejected_requests")
        .text("id")
        .text("tenant_id")
        .text("source_id")
        .big("at")
        .text("reason")
        .text("detail")
        .integer("http_status")
        .text("headers")
        .bytes("body")
        .primary_key(&["id"])
        .index(&["source_id", "id"])
        .create(manager)
        .await?;
    Table::new("rejected_counts")
        .text("tenant_id")
        .text("source_id")
        .text("reason")
        .big("count")
        .primary_key(&["source_id", "reason"])
        .create(manager)
        .await
}
