//! The difference that a batch makes, as rows, and how it is written: a few statements, whatever the batch's size.

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, IntoActiveModel, Statement};
use serde_json::json;
use tributary_domain::id::{ProfileId, TenantId};

use crate::{
    StoreError,
    bulk::{OnConflict, bulk_insert},
    column::to_json,
    entity::{
        browser_context, conflict, dedupe_key, delivery, event, evidence, group, group_member, held_message,
        identifier, merge, message, parked_message, profile, run,
    },
};

/// Rows to write, by table.
#[derive(Debug, Default)]
pub(super) struct Difference {
    pub(super) messages: Rows<message::Model>,
    pub(super) dedupe_keys: Vec<dedupe_key::Model>,
    pub(super) runs: Rows<run::Model>,
    pub(super) events: Vec<event::Model>,
    pub(super) deliveries: Vec<delivery::Model>,
    pub(super) profiles: Rows<profile::Model>,
    pub(super) identifiers: Vec<identifier::Model>,
    pub(super) evidence: Vec<evidence::Model>,
    pub(super) merges: Vec<merge::Model>,
    pub(super) conflicts: Vec<conflict::Model>,
    pub(super) contexts: Rows<browser_context::Model>,
    pub(super) groups: Rows<group::Model>,
    pub(super) members: Vec<group_member::Model>,
    pub(super) held: Vec<held_message::Model>,
    pub(super) parked: Vec<parked_message::Model>,
    /// Profiles that were merged: what pointed to the first points to the second.
    pub(super) repoints: Vec<(TenantId, ProfileId, ProfileId)>,
    /// Positions in the held lane that are done.
    pub(super) released: Vec<(TenantId, i64)>,
}

/// Rows of a table in which some are there already. They go in different statements: one that may replace rows costs
/// more for each of them.
#[derive(Debug)]
pub(super) struct Rows<M> {
    new: Vec<M>,
    known: Vec<M>,
}

impl<M> Default for Rows<M> {
    fn default() -> Self {
        Self { new: Vec::new(), known: Vec::new() }
    }
}

impl<M> Rows<M> {
    /// Adds a row; `is_new` when there cannot be one with its key.
    pub(super) fn push(&mut self, row: M, is_new: bool) {
        let rows = if is_new { &mut self.new } else { &mut self.known };
        rows.push(row);
    }

    async fn write<E>(self, txn: &DatabaseTransaction) -> Result<(), StoreError>
    where
        E: EntityTrait<Model = M>,
        M: IntoActiveModel<E::ActiveModel>,
    {
        bulk_insert::<E>(txn, self.new, OnConflict::Fail).await?;
        bulk_insert::<E>(txn, self.known, OnConflict::Replace).await?;
        Ok(())
    }
}

impl Difference {
    /// Writes everything. An identifier that somebody else owns meanwhile breaks the unique index and with it the
    /// whole transaction (invariant 5).
    pub(super) async fn write(self, txn: &DatabaseTransaction) -> Result<(), StoreError> {
        use OnConflict::{Fail, Ignore};
        self.messages.write::<message::Entity>(txn).await?;
        bulk_insert::<dedupe_key::Entity>(txn, self.dedupe_keys, Fail).await?;
        self.runs.write::<run::Entity>(txn).await?;
        bulk_insert::<event::Entity>(txn, self.events, Fail).await?;
        bulk_insert::<delivery::Entity>(txn, self.deliveries, Fail).await?;
        self.profiles.write::<profile::Entity>(txn).await?;
        bulk_insert::<identifier::Entity>(txn, self.identifiers, Fail).await?;
        bulk_insert::<evidence::Entity>(txn, self.evidence, Fail).await?;
        bulk_insert::<merge::Entity>(txn, self.merges, Fail).await?;
        repoint(txn, &self.repoints).await?;
        count_conflicts(txn, &self.conflicts).await?;
        self.contexts.write::<browser_context::Entity>(txn).await?;
        self.groups.write::<group::Entity>(txn).await?;
        bulk_insert::<group_member::Entity>(txn, self.members, Ignore).await?;
        bulk_insert::<held_message::Entity>(txn, self.held, Fail).await?;
        bulk_insert::<parked_message::Entity>(txn, self.parked, Fail).await?;
        release(txn, &self.released).await
    }
}

/// Keeps aliases one step deep: all that was ever merged into `loser`, directly or through others, points to the
/// winner.
async fn repoint(
    txn: &DatabaseTransaction,
    repoints: &[(TenantId, ProfileId, ProfileId)],
) -> Result<(), StoreError> {
    const SQL: &str = "WITH RECURSIVE alias(id) AS (\
        SELECT loser_id FROM merges WHERE tenant_id = $1 AND winner_id = $2 \
        UNION SELECT m.loser_id FROM merges m JOIN alias a ON m.tenant_id = $1 AND m.winner_id = a.id) \
        UPDATE profiles SET merged_into = $3 WHERE tenant_id = $1 AND id IN (SELECT id FROM alias)";
    for (tenant, loser, winner) in repoints {
        let values = [tenant.to_string().into(), loser.to_string().into(), winner.to_string().into()];
        txn.execute_raw(Statement::from_sql_and_values(txn.get_database_backend(), SQL, values)).await?;
    }
    Ok(())
}

/// A conflict that was seen before is counted, not repeated.
async fn count_conflicts(txn: &DatabaseTransaction, conflicts: &[conflict::Model]) -> Result<(), StoreError> {
    const SQL: &str = "INSERT INTO conflicts (tenant_id, id, rule, kind, value, profile_id, other_profile_id, event_id, \
        seq, first_at, last_at, count, state) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) \
        ON CONFLICT (tenant_id, id) DO UPDATE SET count = conflicts.count + excluded.count, last_at = excluded.last_at";
    for row in conflicts {
        let row = row.clone();
        let values = [
            row.tenant_id.into(),
            row.id.into(),
            row.rule.into(),
            row.kind.into(),
            row.value.into(),
            row.profile_id.into(),
            row.other_profile_id.into(),
            row.event_id.into(),
            row.seq.into(),
            row.first_at.into(),
            row.last_at.into(),
            row.count.into(),
            row.state.into(),
        ];
        txn.execute_raw(Statement::from_sql_and_values(txn.get_database_backend(), SQL, values)).await?;
    }
    Ok(())
}

/// Takes what was processed out of the held lane.
async fn release(txn: &DatabaseTransaction, released: &[(TenantId, i64)]) -> Result<(), StoreError> {
    const SQLITE: &str = "DELETE FROM held_messages WHERE (tenant_id, position) IN \
        (SELECT k.value ->> 0, k.value ->> 1 FROM jsonb_each(?1) k)";
    const POSTGRES: &str = "DELETE FROM held_messages WHERE (tenant_id, position) IN \
        (SELECT k.value ->> 0, (k.value ->> 1)::bigint FROM jsonb_array_elements($1::jsonb) k(value))";
    if released.is_empty() {
        return Ok(());
    }
    let backend = txn.get_database_backend();
    let sql = if backend == DbBackend::Sqlite { SQLITE } else { POSTGRES };
    let keys =
        to_json(&released.iter().map(|(tenant, position)| json!([tenant, position])).collect::<Vec<_>>())?;
    txn.execute_raw(Statement::from_sql_and_values(backend, sql, [keys.into()])).await?;
    Ok(())
}
