//! What erasing people, and keeping away those who must not be processed, needs.

use sea_orm_migration::{DbErr, MigrationName, MigrationTrait, SchemaManager, async_trait};

use crate::table::Table;

pub(crate) struct Privacy;

impl MigrationName for Privacy {
    fn name(&self) -> &str {
        "m0011_privacy"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Privacy {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        suppressions(manager).await?;
        erasures(manager).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

async fn suppressions(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    // Identifiers by a keyed hash and in no other way: who reads the table learns nobody's address.
    Table::new("suppressions")
        .text("tenant_id")
        .bytes("key_hash")
        .text("kind")
        // What is dated until then belongs to somebody who was erased.
        .big_null("erased_until")
        // Since when it is on the tenant's list; null: it is not.
        .big_null("listed_at")
        .text("label")
        // The destinations that it is kept from, as a list in JSON; null: it is not processed at all.
        .text_null("destinations")
        .big("updated_at")
        .primary_key(&["tenant_id", "key_hash"])
        .without_rowid()
        .create(manager)
        .await
}

async fn erasures(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    Table::new("erasures")
        .text("tenant_id")
        .text("operation_id")
        .text("profile_id")
        .big("erased_at")
        .big_null("completed_at")
        // How far it is, and where that part goes on.
        .text("part")
        .text_null("place")
        // What the person was known by, sealed; null: it is not needed any more.
        .bytes_null("wanted")
        // How many rows were removed of each table.
        .text("counts")
        .primary_key(&["tenant_id", "operation_id"])
        .without_rowid()
        .create(manager)
        .await?;
    // Profiles that are gone: their ids never stand for anybody again.
    Table::new("erased_profiles")
        .text("tenant_id")
        .text("id")
        .text("operation_id")
        .big("erased_at")
        .primary_key(&["tenant_id", "id"])
        .without_rowid()
        .create(manager)
        .await?;
    // Which destination was told of the person, without what it was told.
    Table::new("disclosures")
        .text("tenant_id")
        .text("operation_id")
        .text("delivery_id")
        .text("destination_id")
        .text("event_name")
        .text("state")
        .integer("attempts")
        .big_null("told_at")
        .primary_key(&["tenant_id", "operation_id", "delivery_id"])
        .without_rowid()
        .create(manager)
        .await
}
