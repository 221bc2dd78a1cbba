//! Who may call: members, API keys, what was granted to them, and their sessions.

use sea_orm_migration::{
    DbErr, MigrationName, MigrationTrait, SchemaManager, async_trait,
    sea_query::{Alias, ColumnDef, Index, Table as Statement},
};

use crate::table::Table;

pub(crate) struct Access;

impl MigrationName for Access {
    fn name(&self) -> &str {
        "m0003_access"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Access {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Raised by every change of who may do what: it puts those of one agency in a row.
        let mut access_rev = ColumnDef::new("access_rev");
        access_rev.big_integer().not_null().default(1);
        manager.alter_table(Statement::alter().table("agencies").add_column(access_rev).take()).await?;
        for column in ["agency_id", "address"] {
            let definition = ColumnDef::new(column).text().take();
            manager.alter_table(Statement::alter().table("audit_log").add_column(definition).take()).await?;
        }
        let mut index = Index::create();
        index.name("ix_audit_log_agency_id_id").table("audit_log");
        manager.create_index(index.col(Alias::new("agency_id")).col(Alias::new("id")).take()).await?;
        principals(manager).await?;
        sessions(manager).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

async fn principals(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    Table::new("members")
        .text("id")
        .text("agency_id")
        .text("email")
        .text("display_name")
        .text("role")
        .text_null("password_hash")
        .big("revision")
        .big("created_at")
        .big("updated_at")
        .big_null("deleted_at")
        .primary_key(&["id"])
        // By e-mail first: who signs in need not say which agency they belong to.
        .unique_while_live(&["email", "agency_id"])
        .index(&["agency_id", "id"])
        .create(manager)
        .await?;
    Table::new("api_keys")
        .text("id")
        .text("agency_id")
        .text("display_name")
        .text("role")
        .text("hash")
        .text("prefix")
        .big("revision")
        .big("created_at")
        .big("updated_at")
        .big_null("expires_at")
        .big_null("deleted_at")
        .primary_key(&["id"])
        .unique(&["hash"])
        .index(&["agency_id", "id"])
        .create(manager)
        .await?;
    Table::new("grants")
        .text("principal_id")
        .text("tenant_id")
        .text("role")
        .primary_key(&["principal_id", "tenant_id"])
        .without_rowid()
        .create(manager)
        .await?;
    Table::new("invitations")
        .text("id")
        .text("agency_id")
        .text("kind")
        .text("email")
        .text("display_name")
        .text("role")
        .text("grants")
        .text_null("member_id")
        .text("hash")
        .text("invited_by")
        .big("created_at")
        .big("expires_at")
        .primary_key(&["id"])
        .unique(&["hash"])
        .index(&["agency_id", "id"])
        .create(manager)
        .await
}

async fn sessions(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    Table::new("sessions")
        .text("id")
        .text("principal_id")
        .big("created_at")
        .big("expires_at")
        .primary_key(&["id"])
        .index(&["principal_id"])
        .index(&["expires_at"])
        .create(manager)
        .await?;
    Table::new("refresh_tokens")
        .text("hash")
        .text("session_id")
        .big_null("used_at")
        .primary_key(&["hash"])
        .index(&["session_id"])
        .create(manager)
        .await?;
    Table::new("signing_keys")
        .text("id")
        .big("created_at")
        .big("signs_from")
        .big_null("retires_at")
        .primary_key(&["id"])
        .create(manager)
        .await
}
