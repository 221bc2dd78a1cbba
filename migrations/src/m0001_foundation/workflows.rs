//! Workflows and their published versions.

use sea_orm_migration::{DbErr, SchemaManager};

use crate::table::Table;

pub(super) async fn up(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    Table::new("workflows")
        .text("id")
        .text("tenant_id")
        .text("source_id")
        .text("key")
        .text("display_name")
        .integer("sort_order")
        .big("delay_ms")
        .text("draft")
        .integer_null("published_version")
        .text_null("sample_message")
        .big("revision")
        .big("created_at")
        .big("updated_at")
        .big_null("deleted_at")
        .primary_key(&["id"])
        .unique_while_live(&["tenant_id", "key"])
        .create(manager)
        .await?;
    Table::new("workflow_versions")
        .text("workflow_id")
        .integer("version")
        .text("tenant_id")
        .text("spec")
        .big("created_at")
        .primary_key(&["workflow_id", "version"])
        .create(manager)
        .await
}
