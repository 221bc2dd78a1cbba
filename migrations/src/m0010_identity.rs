//! What belongs to whom within a person, merges that can be taken back, decisions about conflicts, and values that are no
//! evidence.

use sea_orm_migration::{
    DbErr, MigrationName, MigrationTrait, SchemaManager, async_trait,
    sea_orm::ConnectionTrait,
    sea_query::{ConditionalStatement, Expr, ExprTrait, Index},
};

use crate::table::{Table, add_big_null, add_integer_null, add_text_null};

pub(crate) struct Identity;

impl MigrationName for Identity {
    fn name(&self) -> &str {
        "m0010_identity"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Identity {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        parts(manager).await?;
        merges(manager).await?;
        decisions(manager).await?;
        values(manager).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

/// Of people who were merged before, all belongs to the profile that stayed: what belonged to each was not kept.
async fn parts(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    const OWN: &str = "UPDATE profiles SET own = '{\"held\":' || held || ',\"traits\":' || traits || '}' \
        WHERE merged_into IS NULL AND (tenant_id, id) IN \
        (SELECT tenant_id, merged_into FROM profiles WHERE merged_into IS NOT NULL)";
    const ALIASES: &str = "UPDATE profiles SET held = '{}', traits = '{}' WHERE merged_into IS NOT NULL";
    add_text_null(manager, "profiles", "own").await?;
    let connection = manager.get_connection();
    connection.execute_unprepared(OWN).await?;
    connection.execute_unprepared(ALIASES).await?;
    // Aliases only, so that a profile that is none costs nothing.
    let aliases = Index::create()
        .name("ix_profiles_tenant_id_merged_into")
        .table("profiles")
        .col("tenant_id")
        .col("merged_into")
        .and_where(Expr::col("merged_into").is_not_null())
        .take();
    manager.create_index(aliases).await
}

/// A merge has an id, since two profiles may be merged again after they were parted.
async fn merges(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    const COPY: &str = "INSERT INTO merges (tenant_id, id, loser_id, winner_id, left_id, right_id, seq, at, event_id, \
        kind, value, exact) SELECT tenant_id, 'mrg_' || substr(loser_id, 5), loser_id, winner_id, winner_id, loser_id, \
        seq, at, event_id, kind, value, 0 FROM merges_before";
    let connection = manager.get_connection();
    connection.execute_unprepared("ALTER TABLE merges RENAME TO merges_before").await?;
    Table::new("merges")
        .text("tenant_id")
        .text("id")
        .text("loser_id")
        .text("winner_id")
        // The parts of the two that it ties.
        .text("left_id")
        .text("right_id")
        .big("seq")
        .big("at")
        .text("event_id")
        .text("kind")
        .text("value")
        // 0: what belonged to each side was not kept.
        .integer("exact")
        .big_null("config_rev")
        .integer_null("rules_version")
        .text_null("conflict_id")
        .text_null("actor")
        .big_null("undone_at")
        .text_null("undone_by")
        .primary_key(&["tenant_id", "id"])
        .index(&["tenant_id", "left_id"])
        .index(&["tenant_id", "right_id"])
        .create(manager)
        .await?;
    connection.execute_unprepared(COPY).await?;
    connection.execute_unprepared("DROP TABLE merges_before").await.map(drop)
}

async fn decisions(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    for table in ["conflicts", "evidence"] {
        add_big_null(manager, table, "config_rev").await?;
        add_integer_null(manager, table, "rules_version").await?;
    }
    add_big_null(manager, "conflicts", "decided_at").await?;
    // Who decided it, and the never-join pair that closed it.
    for column in ["decided_by", "pair_left", "pair_right"] {
        add_text_null(manager, "conflicts", column).await?;
    }
    // Who keeps the two apart, and the merge or conflict because of which.
    for column in ["actor", "because"] {
        add_text_null(manager, "never_join", column).await?;
    }
    Ok(())
}

async fn values(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    Table::new("blocked_identifiers")
        .text("tenant_id")
        .text("kind")
        .text("value")
        .text("id")
        .text("reason")
        // How many people it met, where that is why.
        .integer("people")
        .text_null("actor")
        .text_null("event_id")
        .big("at")
        .primary_key(&["tenant_id", "kind", "value"])
        .unique(&["tenant_id", "id"])
        .create(manager)
        .await?;
    Table::new("identifier_meetings")
        .text("tenant_id")
        .text("kind")
        .text("value")
        .text("profile_id")
        .big("at")
        .primary_key(&["tenant_id", "kind", "value", "profile_id"])
        .without_rowid()
        .create(manager)
        .await
}
