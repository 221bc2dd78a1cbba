//! Accounts at providers that sources are connected to.

use sea_orm_migration::{DbErr, MigrationName, MigrationTrait, SchemaManager, async_trait};

use crate::table::Table;

pub(crate) struct Connections;

impl MigrationName for Connections {
    fn name(&self) -> &str {
        "m0014_connections"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Connections {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        Table::new("connections")
            .text("tenant_id")
            .text("source_id")
            // The token, the key that deliveries are signed with and the secret of their URL, sealed; what the door finds the
            // URL by.
            .bytes("secrets")
            .text("url_hash")
            .text("organization")
            .text("account")
            // How far it reaches, what is told of it, and what tells it, as lists in JSON.
            .text("reach")
            .text("kinds")
            .text("subscriptions")
            // What is wrong, and what to do; null: nothing is. Whether that is so of looking for what is missing (1).
            .text_null("problem")
            .text_null("advice")
            .big_null("problem_since")
            .big("problem_of_looking")
            // When it was last seen to be in order, and when it is to be looked at.
            .big_null("checked_at")
            .big("check_due")
            // Since when bookings may be missing; null: none are. How often it was said that some may be, when they were last looked
            // for, and how many were.
            .big_null("missing_since")
            .big("missing_count")
            .big_null("reconciled_at")
            .big("recovered")
            .big("revision")
            .big("created_at")
            .big("updated_at")
            .primary_key(&["tenant_id", "source_id"])
            .without_rowid()
            .create(manager)
            .await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
