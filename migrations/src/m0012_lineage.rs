//! Bookings: what was heard of each, and what was told of it.

use sea_orm_migration::{DbErr, MigrationName, MigrationTrait, SchemaManager, async_trait};

use crate::table::Table;

pub(crate) struct Lineage;

impl MigrationName for Lineage {
    fn name(&self) -> &str {
        "m0012_lineage"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Lineage {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        Table::new("conversions")
            .text("tenant_id")
            // Begins with the time of its first message, so new rows go to the end.
            .text("id")
            .text("state")
            .text_null("profile_id")
            .big_null("paid_at")
            // Of those that it was heard of in, the first and the last to be accepted.
            .big("first_at")
            .big("last_at")
            .big("updated_at")
            // The rest, as JSON: it is read and written as a whole.
            .text("data")
            .primary_key(&["tenant_id", "id"])
            .without_rowid()
            .index(&["tenant_id", "profile_id", "id"])
            // Most stand as they were made: those are found without it.
            .index_unless(&["tenant_id", "state", "id"], "state", "BOOKED")
            .create(manager)
            .await?;
        // Nothing but hashes and the bits of ids, because the rows lie scattered.
        Table::new("conversion_keys")
            .bytes("key_hash")
            .bytes("conversion_id")
            .primary_key(&["key_hash"])
            .without_rowid()
            .create(manager)
            .await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
