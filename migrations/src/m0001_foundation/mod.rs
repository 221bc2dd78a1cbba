//! The first schema: everything on the way of a webhook from its source to its destinations.

mod destinations;
mod identity;
mod messages;
mod operations;
mod sources;
mod tenancy;
mod workflows;

use sea_orm_migration::{DbErr, MigrationName, MigrationTrait, SchemaManager, async_trait};

pub(crate) struct Foundation;

impl MigrationName for Foundation {
    fn name(&self) -> &str {
        "m0001_foundation"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Foundation {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        tenancy::up(manager).await?;
        sources::up(manager).await?;
        workflows::up(manager).await?;
        destinations::up(manager).await?;
        messages::up(manager).await?;
        identity::up(manager).await?;
        operations::up(manager).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
