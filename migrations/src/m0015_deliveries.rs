//! By which word of its platform a delivery failed, and what that word meant then: so that it can be found, and sent again when
//! it means something else.

use sea_orm_migration::{DbErr, MigrationName, MigrationTrait, SchemaManager, async_trait};

use crate::table::add_text_null;

pub(crate) struct Deliveries;

impl MigrationName for Deliveries {
    fn name(&self) -> &str {
        "m0015_deliveries"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Deliveries {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        add_text_null(manager, "deliveries", "error_code").await?;
        add_text_null(manager, "deliveries", "error_verdict").await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
