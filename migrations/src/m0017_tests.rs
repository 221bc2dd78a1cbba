//! Which messages are tests.

use sea_orm_migration::{DbErr, MigrationName, MigrationTrait, SchemaManager, async_trait};

use crate::table::add_integer_null;

pub(crate) struct Tests;

impl MigrationName for Tests {
    fn name(&self) -> &str {
        "m0017_tests"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Tests {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // 1 where it is; hardly any is.
        add_integer_null(manager, "messages", "is_test").await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
