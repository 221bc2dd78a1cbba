//! How the credential of a destination stands.

use sea_orm_migration::{DbErr, MigrationName, MigrationTrait, SchemaManager, async_trait};

use crate::table::{add_big_null, add_text_null};

pub(crate) struct Credentials;

impl MigrationName for Credentials {
    fn name(&self) -> &str {
        "m0016_credentials"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Credentials {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        add_text_null(manager, "destinations", "credential_state").await?;
        add_text_null(manager, "destinations", "credential_reason").await?;
        add_big_null(manager, "destinations", "credential_since").await?;
        add_big_null(manager, "destinations", "credential_expires_at").await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
