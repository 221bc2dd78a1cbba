//! Whose requests are remembered.

use sea_orm_migration::{DbErr, MigrationName, MigrationTrait, SchemaManager, async_trait};

use crate::table::add_text_null;

pub(crate) struct Requests;

impl MigrationName for Requests {
    fn name(&self) -> &str {
        "m0018_requests"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Requests {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Null: of an agency, or of the installation.
        add_text_null(manager, "request_ids", "tenant_id").await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
