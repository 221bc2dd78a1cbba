//! What reading the logs needs besides the keys that they are written by. Only messages that wait have a row here: no
//! other message costs anything more.

use sea_orm_migration::{DbErr, MigrationName, MigrationTrait, SchemaManager, async_trait, sea_query::Index};

pub(crate) struct Logs;

impl MigrationName for Logs {
    fn name(&self) -> &str {
        "m0002_logs"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Logs {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // A trace says why its message waits.
        let index = Index::create()
            .name("ix_held_messages_tenant_id_message_id")
            .table("held_messages")
            .col("tenant_id")
            .col("message_id")
            .take();
        manager.create_index(index).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
