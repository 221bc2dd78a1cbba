//! What signing in through an identity provider needs.

use sea_orm_migration::{
    DbErr, MigrationName, MigrationTrait, SchemaManager, async_trait,
    sea_query::{ColumnDef, Table as Statement},
};

use crate::table::Table;

pub(crate) struct Providers;

impl MigrationName for Providers {
    fn name(&self) -> &str {
        "m0007_providers"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Providers {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Which member somebody is whom a provider knows. Addresses change hands, subjects do not.
        Table::new("provider_subjects")
            .text("agency_id")
            .text("issuer")
            .text("subject")
            .text("member_id")
            .big("created_at")
            .primary_key(&["agency_id", "issuer", "subject"])
            .unique(&["member_id", "issuer"])
            .without_rowid()
            .create(manager)
            .await?;
        // A session that a provider vouched for ends then, however much it is used.
        let ends_at = ColumnDef::new("ends_at").big_integer().take();
        manager.alter_table(Statement::alter().table("sessions").add_column(ends_at).take()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
