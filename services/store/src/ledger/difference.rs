//! The difference that a batch makes, as rows, and how it is written: a few statements, whatever the batch's size.

use sea_orm::{DbBackend, EntityTrait, IntoActiveModel, Statement};
use serde_json::json;
use tokio::{sync::mpsc, task};
use tributary_domain::id::{ConversionId, ProfileId, TenantId};

use super::meter::Meter;
use crate::{
    StoreError,
    bulk::{OnConflict, insert_statements},
    column::to_json,
    entity::{
        blocked_identifier, browser_context, conflict, conversion, conversion_key, dedupe_key, delivery,
        event, evidence, group, group_member, held_message, identifier, identifier_key, identifier_meeting,
        merge, message, message_replay, parked_message, profile, run, trait_name,
    },
};

/// Rows to write, by table.
#[derive(Debug, Default)]
pub(super) struct Difference {
    pub(super) messages: Rows<message::Model>,
    pub(super) dedupe_keys: Rows<dedupe_key::Model>,
    pub(super) runs: Rows<run::Model>,
    pub(super) events: Rows<event::Model>,
    pub(super) deliveries: Vec<delivery::Model>,
    pub(super) profiles: Rows<profile::Model>,
    pub(super) identifier_keys: Vec<identifier_key::Model>,
    pub(super) identifiers: Vec<identifier::Model>,
    pub(super) evidence: Rows<evidence::Model>,
    pub(super) merges: Vec<merge::Model>,
    pub(super) conflicts: Vec<conflict::Model>,
    pub(super) meetings: Vec<identifier_meeting::Model>,
    /// Values that are no evidence any more.
    pub(super) blocked: Vec<blocked_identifier::Model>,
    pub(super) contexts: Rows<browser_context::Model>,
    pub(super) groups: Rows<group::Model>,
    pub(super) members: Vec<group_member::Model>,
    pub(super) conversions: Rows<conversion::Model>,
    pub(super) conversion_keys: Rows<conversion_key::Model>,
    /// Conversions that became a part of others.
    pub(super) joined: Vec<(TenantId, ConversionId)>,
    pub(super) held: Vec<held_message::Model>,
    pub(super) parked: Vec<parked_message::Model>,
    pub(super) replays: Rows<message_replay::Model>,
    /// Profiles that were merged: what pointed to the first points to the second.
    pub(super) repoints: Vec<(TenantId, ProfileId, ProfileId)>,
    /// Positions in the held lane that are done.
    pub(super) released: Vec<(TenantId, i64)>,
    /// What the whole batch uses of its tenants' months.
    pub(super) usage: Option<Meter>,
    /// Traits that may not be noted yet.
    pub(super) trait_names: Vec<trait_name::Model>,
    /// What adds the whole batch's events to those before.
    pub(super) event_counts: Option<Statement>,
    /// What adds what the whole batch counts to what was counted before.
    pub(super) tally: Option<Statement>,
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

    fn statements<E>(self, backend: DbBackend) -> impl Iterator<Item = Statement>
    where
        E: EntityTrait<Model = M>,
        M: IntoActiveModel<E::ActiveModel>,
    {
        insert_statements::<E>(backend, self.new, OnConflict::Fail).chain(insert_statements::<E>(
            backend,
            self.known,
            OnConflict::Replace,
        ))
    }
}

impl Rows<dedupe_key::Model> {
    /// In the order of their hashes. Of those that take over a key that is too old to count, the last one has it: a
    /// statement may not replace a row twice.
    fn in_order(mut self) -> Self {
        self.new.sort_unstable_by(|one, other| one.key_hash.cmp(&other.key_hash));
        self.known.reverse();
        self.known.sort_by(|one, other| one.key_hash.cmp(&other.key_hash));
        self.known.dedup_by(|one, other| one.key_hash == other.key_hash);
        self
    }
}

/// Where statements are handed over, to be executed in their order. Nobody takes them any more when one has failed,
/// and that is the result then.
pub(super) struct Statements {
    pub(super) backend: DbBackend,
    pub(super) sender: mpsc::Sender<Statement>,
}

impl Statements {
    /// Hands them over one by one; whoever else works on this thread gets to do so in between.
    async fn hand_over(&self, statements: impl IntoIterator<Item = Statement>) {
        for statement in statements {
            let _ = self.sender.send(statement).await;
            task::yield_now().await;
        }
    }

    async fn insert<E>(&self, rows: Vec<E::Model>, on_conflict: OnConflict)
    where
        E: EntityTrait,
        E::Model: IntoActiveModel<E::ActiveModel>,
    {
        self.hand_over(insert_statements::<E>(self.backend, rows, on_conflict)).await;
    }
}

impl Difference {
    /// Hands over the statements that write everything. An identifier that somebody else owns meanwhile breaks the
    /// unique key and with it the whole transaction (invariant 5).
    pub(super) async fn hand_over(mut self, to: &Statements) -> Result<(), StoreError> {
        use OnConflict::{Fail, Ignore};
        let backend = to.backend;
        to.hand_over(self.messages.statements::<message::Entity>(backend)).await;
        // In the order of their hashes, neighbours go to the same page one after the other.
        to.hand_over(self.dedupe_keys.in_order().statements::<dedupe_key::Entity>(backend)).await;
        to.hand_over(self.runs.statements::<run::Entity>(backend)).await;
        to.hand_over(self.events.statements::<event::Entity>(backend)).await;
        to.insert::<delivery::Entity>(self.deliveries, Fail).await;
        to.hand_over(self.profiles.statements::<profile::Entity>(backend)).await;
        self.identifier_keys.sort_unstable_by(|one, other| one.key_hash.cmp(&other.key_hash));
        to.insert::<identifier_key::Entity>(self.identifier_keys, Fail).await;
        to.insert::<identifier::Entity>(self.identifiers, Fail).await;
        to.hand_over(self.evidence.statements::<evidence::Entity>(backend)).await;
        to.insert::<merge::Entity>(self.merges, Fail).await;
        to.hand_over(self.repoints.into_iter().map(|repoint| repoint_statement(backend, repoint))).await;
        to.hand_over(self.conflicts.into_iter().map(|conflict| conflict_statement(backend, conflict))).await;
        to.hand_over(insert_statements::<identifier_meeting::Entity>(
            backend,
            self.meetings,
            OnConflict::Replace,
        ))
        .await;
        to.insert::<blocked_identifier::Entity>(self.blocked, Ignore).await;
        to.hand_over(self.contexts.statements::<browser_context::Entity>(backend)).await;
        to.hand_over(self.groups.statements::<group::Entity>(backend)).await;
        to.insert::<group_member::Entity>(self.members, Ignore).await;
        to.hand_over(self.conversions.statements::<conversion::Entity>(backend)).await;
        to.hand_over(self.conversion_keys.statements::<conversion_key::Entity>(backend)).await;
        to.hand_over(joined_statement(backend, &self.joined)?).await;
        to.insert::<held_message::Entity>(self.held, Fail).await;
        to.insert::<parked_message::Entity>(self.parked, Fail).await;
        to.hand_over(self.replays.statements::<message_replay::Entity>(backend)).await;
        to.hand_over(release_statement(backend, &self.released)?).await;
        if let Some(meter) = &self.usage {
            to.hand_over(meter.statement(backend)?).await;
        }
        to.insert::<trait_name::Entity>(self.trait_names, Ignore).await;
        to.hand_over(self.event_counts).await;
        to.hand_over(self.tally).await;
        Ok(())
    }
}

/// Keeps aliases one step deep: those of `loser` are aliases of the winner.
fn repoint_statement(
    backend: DbBackend,
    (tenant, loser, winner): (TenantId, ProfileId, ProfileId),
) -> Statement {
    const SQL: &str = "UPDATE profiles SET merged_into = $3 WHERE tenant_id = $1 AND merged_into = $2";
    let values = [tenant.to_string().into(), loser.to_string().into(), winner.to_string().into()];
    Statement::from_sql_and_values(backend, SQL, values)
}

/// A conflict that was seen before is counted, not repeated.
fn conflict_statement(backend: DbBackend, row: conflict::Model) -> Statement {
    const SQL: &str = "INSERT INTO conflicts (tenant_id, id, rule, kind, value, profile_id, other_profile_id, event_id, \
        seq, first_at, last_at, count, state, config_rev, rules_version) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) ON CONFLICT (tenant_id, id) DO UPDATE \
        SET count = conflicts.count + excluded.count, last_at = excluded.last_at, config_rev = excluded.config_rev, \
        rules_version = excluded.rules_version";
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
        row.config_rev.into(),
        row.rules_version.into(),
    ];
    Statement::from_sql_and_values(backend, SQL, values)
}

/// Removes conversions that are a part of others now; nothing when there are none.
fn joined_statement(
    backend: DbBackend,
    joined: &[(TenantId, ConversionId)],
) -> Result<Option<Statement>, StoreError> {
    const SQLITE: &str = "DELETE FROM conversions WHERE (tenant_id, id) IN \
        (SELECT k.value ->> 0, k.value ->> 1 FROM jsonb_each(?1) k)";
    const POSTGRES: &str = "DELETE FROM conversions WHERE (tenant_id, id) IN \
        (SELECT k.value ->> 0, k.value ->> 1 FROM jsonb_array_elements($1::jsonb) k(value))";
    if joined.is_empty() {
        return Ok(None);
    }
    let sql = if backend == DbBackend::Sqlite { SQLITE } else { POSTGRES };
    Ok(Some(Statement::from_sql_and_values(backend, sql, [to_json(&joined)?.into()])))
}

/// Takes what was processed out of the held lane; nothing when nothing was.
fn release_statement(
    backend: DbBackend,
    released: &[(TenantId, i64)],
) -> Result<Option<Statement>, StoreError> {
    const SQLITE: &str = "DELETE FROM held_messages WHERE (tenant_id, position) IN \
        (SELECT k.value ->> 0, k.value ->> 1 FROM jsonb_each(?1) k)";
    const POSTGRES: &str = "DELETE FROM held_messages WHERE (tenant_id, position) IN \
        (SELECT k.value ->> 0, (k.value ->> 1)::bigint FROM jsonb_array_elements($1::jsonb) k(value))";
    if released.is_empty() {
        return Ok(None);
    }
    let sql = if backend == DbBackend::Sqlite { SQLITE } else { POSTGRES };
    let keys =
        to_json(&released.iter().map(|(tenant, position)| json!([tenant, position])).collect::<Vec<_>>())?;
    Ok(Some(Statement::from_sql_and_values(backend, sql, [keys.into()])))
}
