//! What is counted as it happens: events by their names, and what happened in each hour and on each day; and the messages
//! that editors show.

use sea_orm_migration::{
    DbErr, MigrationName, MigrationTrait, SchemaManager, async_trait, sea_orm::ConnectionTrait,
};

use crate::table::Table;

pub(crate) struct Stats;

impl MigrationName for Stats {
    fn name(&self) -> &str {
        "m0006_stats"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Stats {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        names(manager).await?;
        stats(manager).await?;
        samples(manager).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

async fn names(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    // An update changes no key, so that the second index costs something only when a name is new.
    Table::new("event_counts")
        .text("tenant_id")
        .text("name")
        .text("kind")
        .text("source_id")
        .big("events")
        .big("first_at")
        .big("last_at")
        .primary_key(&["tenant_id", "name", "kind", "source_id"])
        .index(&["tenant_id", "source_id", "name", "kind"])
        .without_rowid()
        .create(manager)
        .await?;
    const COUNT: &str = "INSERT INTO event_counts (tenant_id, name, kind, source_id, events, first_at, last_at) \
        SELECT tenant_id, name, kind, source_id, count(*), min(received_at), max(received_at) \
        FROM events GROUP BY tenant_id, name, kind, source_id";
    manager.get_connection().execute_unprepared(COUNT).await?;
    Table::new("trait_names")
        .text("tenant_id")
        .text("name")
        .big("first_at")
        .primary_key(&["tenant_id", "name"])
        .without_rowid()
        .create(manager)
        .await
}

async fn stats(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    // By time first: the rows that are written to lie together.
    Table::new("stats_recent")
        .big("quarter")
        .text("tenant_id")
        .text("source_id")
        .integer("metric")
        .big("n")
        .primary_key(&["quarter", "tenant_id", "source_id", "metric"])
        .without_rowid()
        .create(manager)
        .await?;
    // By what is asked for: all the points of a chart lie together. The tenant is null where they are an agency's.
    Table::new("stats")
        .text("scope_id")
        .integer("span")
        .big("place")
        .text_null("tenant_id")
        .bytes("counts")
        .primary_key(&["scope_id", "span", "place"])
        .index(&["tenant_id"])
        .index(&["span", "place"])
        .without_rowid()
        .create(manager)
        .await
}

async fn samples(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    // The message as it was when it was pinned, which stays when the log forgets it.
    Table::new("workflow_samples")
        .text("workflow_id")
        .text("tenant_id")
        .text("message_id")
        .text("source_id")
        .big("received_at")
        .text_null("provider_event")
        .bytes("body")
        .primary_key(&["workflow_id"])
        .index(&["tenant_id"])
        .create(manager)
        .await?;
    // What was pinned before is copied; what the log does not have any more is not pinned.
    const COPY: &str = "INSERT INTO workflow_samples \
        (workflow_id, tenant_id, message_id, source_id, received_at, provider_event, body) \
        SELECT w.id, w.tenant_id, m.id, m.source_id, m.received_at, m.provider_event, m.body \
        FROM workflows w JOIN messages m ON m.id = w.sample_message AND m.tenant_id = w.tenant_id";
    const UNPIN: &str = "UPDATE workflows SET sample_message = NULL WHERE sample_message IS NOT NULL \
        AND id NOT IN (SELECT workflow_id FROM workflow_samples)";
    manager.get_connection().execute_unprepared(COPY).await?;
    manager.get_connection().execute_unprepared(UNPIN).await.map(|_| ())
}
