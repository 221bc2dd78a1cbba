//! Which deliveries wait because their workflow has them wait: the ledger keeps the order of those, and finds them by an index
//! that has no others, however many wait for another reason.

use sea_orm_migration::{
    DbErr, MigrationName, MigrationTrait, SchemaManager, async_trait, sea_orm::ConnectionTrait,
};

use crate::table::add_integer_null;

pub(crate) struct Delays;

impl MigrationName for Delays {
    fn name(&self) -> &str {
        "m0019_delays"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Delays {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Null: it is sent as soon as it can be.
        add_integer_null(manager, "deliveries", "is_delayed").await?;
        let connection = manager.get_connection();
        // Those that wait for another are among them until they are put behind it once more.
        connection
            .execute_unprepared(
                "UPDATE deliveries SET is_delayed = 1 \
                 WHERE state = 'PENDING' AND attempts = 0 AND due_at > created_at",
            )
            .await?;
        let index = "CREATE INDEX ix_deliveries_delayed_due_at ON deliveries (due_at) \
                     WHERE state = 'PENDING' AND is_delayed IS NOT NULL";
        connection.execute_unprepared(index).await.map(|_| ())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
