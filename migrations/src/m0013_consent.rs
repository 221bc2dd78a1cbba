//! What people must have agreed to before their events go to a destination; and the way from a person to their groups.

use sea_orm_migration::{DbErr, MigrationName, MigrationTrait, SchemaManager, async_trait, sea_query::Index};

use crate::table::add_text_null;

pub(crate) struct Consent;

impl MigrationName for Consent {
    fn name(&self) -> &str {
        "m0013_consent"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Consent {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        add_text_null(manager, "destinations", "consent").await?;
        let of_a_person = Index::create()
            .name("ix_group_members_tenant_id_profile_id")
            .table("group_members")
            .col("tenant_id")
            .col("profile_id")
            .take();
        manager.create_index(of_a_person).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
