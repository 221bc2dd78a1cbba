//! What deleting, quotas and repeated requests need.

use sea_orm_migration::{
    DbErr, MigrationName, MigrationTrait, SchemaManager, async_trait,
    sea_query::{Alias, Index},
};

use crate::table::{Table, add_text_null};

pub(crate) struct Lifecycle;

impl MigrationName for Lifecycle {
    fn name(&self) -> &str {
        "m0002_lifecycle"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Lifecycle {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        deletion(manager).await?;
        quotas(manager).await?;
        requests(manager).await
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

async fn quotas(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    // A tenant without a row has the defaults.
    Table::new("tenant_quotas")
        .text("tenant_id")
        .integer("requests_per_second")
        .integer("request_burst")
        .big("max_body_bytes")
        .big("monthly_messages")
        .integer("max_sources")
        .integer("max_workflows")
        .integer("max_destinations")
        .integer("retention_days")
        .big("revision")
        .big("updated_at")
        .primary_key(&["tenant_id"])
        .without_rowid()
        .create(manager)
        .await?;
    // By month first: the rows that the ledger writes to lie together.
    Table::new("tenant_usage")
        .integer("month")
        .text("tenant_id")
        .big("messages")
        .primary_key(&["month", "tenant_id"])
        .without_rowid()
        .create(manager)
        .await?;
    // Why a message waits is looked up by the message.
    let mut index = Index::create();
    index.name("ix_held_messages_tenant_id_message_id").table("held_messages");
    manager.create_index(index.col(Alias::new("tenant_id")).col(Alias::new("message_id")).take()).await
}

async fn requests(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    Table::new("request_ids")
        .text("caller")
        .text("method")
        .text("request_id")
        .bytes("body_hash")
        .text("resource")
        .bytes_null("answer")
        .big("created_at")
        .primary_key(&["caller", "method", "request_id"])
        .index(&["created_at"])
        .create(manager)
        .await
}
