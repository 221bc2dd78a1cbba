//! Agencies and tenants.

use sea_orm_migration::{DbErr, SchemaManager};

use crate::table::Table;

pub(super) async fn up(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    Table::new("agencies")
        .text("id")
        .text("key")
        .text("display_name")
        .big("created_at")
        .big("updated_at")
        .primary_key(&["id"])
        .unique(&["key"])
        .create(manager)
        .await?;
    Table::new("tenants")
        .text("id")
        .text("agency_id")
        .text("key")
        .text("display_name")
        .text("state")
        .text("settings")
        .big("config_rev")
        .big("revision")
        .big("created_at")
        .big("updated_at")
        .big_null("deleted_at")
        .primary_key(&["id"])
        .unique_while_live(&["agency_id", "key"])
        .create(manager)
        .await
}
