//! What a batch needs to know, each in one query whose text never changes: the keys travel as one JSON
//! parameter, so that the statement is prepared once. Keys of several parts are read with `jsonb_each`: what
//! `json_each` gives of them would be parsed again for each part.

use std::collections::{HashMap, HashSet};

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, FromQueryResult, Statement, Value};
use serde::Serialize;
use tributary_domain::{
    id::{MessageId, ProfileId, TenantId},
    identity::ProfileState,
    quota::Month,
    time::Timestamp,
};

use super::context::{Place, Stored};
use crate::{
    StoreError,
    column::{bits, id, json, optional_id, to_json},
    entity::profile,
    key::KeyHash,
};

/// One query in the words of both databases.
pub(super) struct Sql {
    pub(super) sqlite: &'static str,
    pub(super) postgres: &'static str,
}

impl Sql {
    pub(super) async fn rows<R: FromQueryResult>(
        &self,
        txn: &DatabaseTransaction,
        keys: &impl Serialize,
    ) -> Result<Vec<R>, StoreError> {
        self.rows_with(txn, [to_json(keys)?.into()]).await
    }

    async fn rows_with<R: FromQueryResult>(
        &self,
        txn: &DatabaseTransaction,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<Vec<R>, StoreError> {
        let backend = txn.get_database_backend();
        let text = if backend == DbBackend::Sqlite { self.sqlite } else { self.postgres };
        R::find_by_statement(Statement::from_sql_and_values(backend, text, values))
            .all(txn)
            .await
            .map_err(StoreError::from)
    }
}

fn key_hash(column: &[u8]) -> Result<KeyHash, StoreError> {
    KeyHash::from_column(column).ok_or_else(|| StoreError::corrupt("key_hash"))
}

#[derive(FromQueryResult)]
struct TenantRow {
    id: String,
    config_rev: i64,
    monthly_messages: Option<i64>,
    messages: Option<i64>,
}

/// What a batch has to know of a tenant.
#[derive(Debug, Clone, Copy)]
pub(super) struct TenantState {
    /// The configuration revision in force.
    pub(super) config_rev: i64,
    /// How many more messages the tenant may have this month; none: any number.
    pub(super) messages_left: Option<u64>,
}

const TENANTS: Sql = Sql {
    sqlite: "SELECT t.id, t.config_rev, q.monthly_messages, u.messages \
             FROM json_each(?1) k CROSS JOIN tenants t ON t.id = k.value \
             LEFT JOIN tenant_quotas q ON q.tenant_id = t.id AND q.monthly_messages > 0 \
             LEFT JOIN tenant_usage u ON q.tenant_id IS NOT NULL AND u.month = ?2 AND u.tenant_id = t.id",
    postgres: "SELECT t.id, t.config_rev, q.monthly_messages, u.messages \
               FROM jsonb_array_elements_text($1::jsonb) k(value) JOIN tenants t ON t.id = k.value \
               LEFT JOIN tenant_quotas q ON q.tenant_id = t.id AND q.monthly_messages > 0 \
               LEFT JOIN tenant_usage u ON q.tenant_id IS NOT NULL AND u.month = $2 AND u.tenant_id = t.id",
};

/// The tenants as they are in this month.
pub(super) async fn tenants(
    txn: &DatabaseTransaction,
    tenants: &HashSet<TenantId>,
    month: Month,
) -> Result<HashMap<TenantId, TenantState>, StoreError> {
    let rows: Vec<TenantRow> =
        TENANTS.rows_with(txn, [to_json(tenants)?.into(), month.number().into()]).await?;
    rows.into_iter()
        .map(|row| {
            let used = row.messages.unwrap_or(0);
            let left = row.monthly_messages.map(|limit| u64::try_from(limit - used).unwrap_or(0));
            Ok((id(&row.id, "id")?, TenantState { config_rev: row.config_rev, messages_left: left }))
        })
        .collect()
}

#[derive(FromQueryResult)]
struct HoldingRow {
    tenant_id: String,
}

const HOLDING: Sql = Sql {
    sqlite: "SELECT DISTINCT h.tenant_id FROM json_each(?1) k CROSS JOIN held_messages h ON h.tenant_id = k.value",
    postgres: "SELECT DISTINCT h.tenant_id FROM jsonb_array_elements_text($1::jsonb) k(value) \
               JOIN held_messages h ON h.tenant_id = k.value",
};

/// Which of these tenants have held messages.
pub(super) async fn still_holding(
    txn: &DatabaseTransaction,
    tenants: &HashSet<TenantId>,
) -> Result<HashSet<TenantId>, StoreError> {
    let rows: Vec<HoldingRow> = HOLDING.rows(txn, tenants).await?;
    rows.iter().map(|row| id(&row.tenant_id, "tenant_id")).collect()
}

#[derive(FromQueryResult)]
struct DedupeRow {
    key_hash: Vec<u8>,
    message_id: Vec<u8>,
}

const DEDUPE: Sql = Sql {
    sqlite: "SELECT d.key_hash, d.message_id FROM json_each(?1) k CROSS JOIN dedupe_keys d ON d.key_hash = unhex(k.value)",
    postgres: "SELECT d.key_hash, d.message_id FROM jsonb_array_elements_text($1::jsonb) k(value) \
               JOIN dedupe_keys d ON d.key_hash = decode(k.value, 'hex')",
};

/// The messages that came first with one of these dedupe keys.
pub(super) async fn first_messages(
    txn: &DatabaseTransaction,
    key_hashes: &HashSet<KeyHash>,
) -> Result<HashMap<KeyHash, MessageId>, StoreError> {
    if key_hashes.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<DedupeRow> = DEDUPE.rows(txn, key_hashes).await?;
    rows.into_iter()
        .map(|row| {
            let message = MessageId::from_bits(bits(&row.message_id, "dedupe_keys.message_id")?);
            Ok((key_hash(&row.key_hash)?, message))
        })
        .collect()
}

#[derive(FromQueryResult)]
struct OwnerRow {
    key_hash: Vec<u8>,
    profile_id: Vec<u8>,
}

/// Whom an identifier belongs to, as it is stored.
#[derive(Debug)]
pub(super) struct Owner {
    pub(super) tenant: TenantId,
    pub(super) kind: String,
    pub(super) value: String,
    /// To whom it was attached first; a profile that was merged since is still named here.
    pub(super) profile: ProfileId,
}

const OWNERS: Sql = Sql {
    sqlite: "SELECT i.key_hash, i.profile_id FROM json_each(?1) k CROSS JOIN identifier_keys i \
             ON i.key_hash = unhex(k.value)",
    postgres: "SELECT i.key_hash, i.profile_id FROM jsonb_array_elements_text($1::jsonb) k(value) \
               JOIN identifier_keys i ON i.key_hash = decode(k.value, 'hex')",
};

/// Whom these identifiers belong to; those of nobody are left out.
pub(super) async fn owners(
    txn: &DatabaseTransaction,
    identifiers: &HashSet<(TenantId, &str, &str)>,
) -> Result<Vec<Owner>, StoreError> {
    if identifiers.is_empty() {
        return Ok(Vec::new());
    }
    let hashes: HashMap<KeyHash, &(TenantId, &str, &str)> = identifiers
        .iter()
        .map(|identifier| (KeyHash::identifier(identifier.0, identifier.1, identifier.2), identifier))
        .collect();
    let rows: Vec<OwnerRow> = OWNERS.rows(txn, &hashes.keys().collect::<Vec<_>>()).await?;
    rows.into_iter()
        .map(|row| {
            let identifier = hashes.get(&key_hash(&row.key_hash)?);
            let (tenant, kind, value) = *identifier.ok_or_else(|| StoreError::corrupt("key_hash"))?;
            Ok(Owner {
                tenant: *tenant,
                kind: (*kind).to_owned(),
                value: (*value).to_owned(),
                profile: ProfileId::from_bits(bits(&row.profile_id, "identifier_keys.profile_id")?),
            })
        })
        .collect()
}

const PROFILES: Sql = Sql {
    sqlite: "SELECT p.tenant_id, p.id, p.created_at, p.created_seq, p.updated_at, p.merged_into, p.held, p.traits, p.own \
             FROM jsonb_each(?1) k CROSS JOIN profiles p ON p.tenant_id = k.value ->> 0 AND p.id = k.value ->> 1",
    postgres: "SELECT p.tenant_id, p.id, p.created_at, p.created_seq, p.updated_at, p.merged_into, p.held, p.traits, p.own \
               FROM jsonb_array_elements($1::jsonb) k(value) JOIN profiles p ON p.tenant_id = k.value ->> 0 AND p.id = k.value ->> 1",
};

/// The states of these profiles, and of those that they were merged into.
pub(super) async fn profiles(
    txn: &DatabaseTransaction,
    wanted: HashSet<(TenantId, ProfileId)>,
) -> Result<Vec<(TenantId, ProfileState)>, StoreError> {
    let mut found = Vec::with_capacity(wanted.len());
    let mut next = wanted;
    let mut seen = HashSet::new();
    while !next.is_empty() {
        seen.extend(next.iter().copied());
        let rows: Vec<profile::Model> = PROFILES.rows(txn, &next).await?;
        next = HashSet::new();
        for row in rows {
            let tenant: TenantId = id(&row.tenant_id, "tenant_id")?;
            let merged_into = optional_id::<ProfileId>(row.merged_into.as_deref(), "profiles.merged_into")?;
            next.extend(merged_into.map(|winner| (tenant, winner)).filter(|key| !seen.contains(key)));
            found.push((tenant, profile_state(&row)?));
        }
    }
    Ok(found)
}

/// A profile as it is stored.
pub(super) fn profile_state(row: &profile::Model) -> Result<ProfileState, StoreError> {
    Ok(ProfileState {
        id: id(&row.id, "profiles.id")?,
        created_at: Timestamp::from_micros(row.created_at),
        created_seq: row.created_seq.cast_unsigned(),
        merged_into: optional_id(row.merged_into.as_deref(), "profiles.merged_into")?,
        held: json(&row.held, "profiles.held")?,
        traits: json(&row.traits, "profiles.traits")?,
        own: row.own.as_deref().map(|own| json(own, "profiles.own")).transpose()?,
    })
}

#[derive(FromQueryResult)]
struct PairRow {
    tenant_id: String,
    left_id: String,
    right_id: String,
    left_live: String,
    right_live: String,
}

/// Two profiles that a person has forbidden to join.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pair {
    pub(super) tenant: TenantId,
    /// The two as the pair names them.
    pub(super) named: (ProfileId, ProfileId),
    /// The live profiles that those are, or are aliases of.
    pub(super) live: (ProfileId, ProfileId),
}

const NEVER_JOIN: Sql = Sql {
    sqlite: "SELECT n.tenant_id, n.left_id, n.right_id, coalesce(l.merged_into, n.left_id) AS left_live, \
             coalesce(r.merged_into, n.right_id) AS right_live FROM json_each(?1) k \
             CROSS JOIN never_join n ON n.tenant_id = k.value \
             LEFT JOIN profiles l ON l.tenant_id = n.tenant_id AND l.id = n.left_id \
             LEFT JOIN profiles r ON r.tenant_id = n.tenant_id AND r.id = n.right_id",
    postgres: "SELECT n.tenant_id, n.left_id, n.right_id, coalesce(l.merged_into, n.left_id) AS left_live, \
               coalesce(r.merged_into, n.right_id) AS right_live FROM jsonb_array_elements_text($1::jsonb) k(value) \
               JOIN never_join n ON n.tenant_id = k.value \
               LEFT JOIN profiles l ON l.tenant_id = n.tenant_id AND l.id = n.left_id \
               LEFT JOIN profiles r ON r.tenant_id = n.tenant_id AND r.id = n.right_id",
};

/// The pairs of profiles that a person has forbidden to join.
pub(super) async fn never_join(
    txn: &DatabaseTransaction,
    tenants: &HashSet<TenantId>,
) -> Result<Vec<Pair>, StoreError> {
    let rows: Vec<PairRow> = NEVER_JOIN.rows(txn, tenants).await?;
    rows.into_iter()
        .map(|row| {
            Ok(Pair {
                tenant: id(&row.tenant_id, "never_join.tenant_id")?,
                named: (id(&row.left_id, "never_join.left_id")?, id(&row.right_id, "never_join.right_id")?),
                live: (
                    id(&row.left_live, "profiles.merged_into")?,
                    id(&row.right_live, "profiles.merged_into")?,
                ),
            })
        })
        .collect()
}

#[derive(FromQueryResult)]
struct ContextRow {
    tenant_id: String,
    anchor: String,
    cluid: String,
    data: String,
}

const CONTEXTS: Sql = Sql {
    sqlite: "SELECT b.tenant_id, b.anchor, b.cluid, b.data FROM jsonb_each(?1) k CROSS JOIN browser_context b \
             ON b.tenant_id = k.value ->> 0 AND b.anchor = k.value ->> 1 AND b.cluid = k.value ->> 2",
    postgres: "SELECT b.tenant_id, b.anchor, b.cluid, b.data FROM jsonb_array_elements($1::jsonb) k(value) \
               JOIN browser_context b ON b.tenant_id = k.value ->> 0 AND b.anchor = k.value ->> 1 AND b.cluid = k.value ->> 2",
};

/// What is known of the browser sessions at these places.
pub(super) async fn contexts(
    txn: &DatabaseTransaction,
    places: &HashSet<Place<'_>>,
) -> Result<Vec<Stored>, StoreError> {
    if places.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<ContextRow> = CONTEXTS.rows(txn, places).await?;
    rows.into_iter()
        .map(|row| {
            Ok(Stored {
                tenant: id(&row.tenant_id, "tenant_id")?,
                anchor: row.anchor,
                cluid: row.cluid,
                context: json(&row.data, "data")?,
            })
        })
        .collect()
}

#[derive(FromQueryResult)]
struct GroupRow {
    tenant_id: String,
    id: String,
    kind: String,
    value: String,
    traits: String,
    created_at: i64,
}

/// A group as it is stored.
#[derive(Debug, Clone)]
pub(super) struct GroupState {
    pub(super) id: tributary_domain::id::GroupId,
    pub(super) traits: tributary_domain::identity::Traits,
    pub(super) created_at: i64,
}

const GROUPS: Sql = Sql {
    sqlite: "SELECT g.tenant_id, g.id, g.kind, g.value, g.traits, g.created_at FROM jsonb_each(?1) k CROSS JOIN groups g \
             ON g.tenant_id = k.value ->> 0 AND g.kind = k.value ->> 1 AND g.value = k.value ->> 2",
    postgres: "SELECT g.tenant_id, g.id, g.kind, g.value, g.traits, g.created_at FROM jsonb_array_elements($1::jsonb) k(value) \
               JOIN groups g ON g.tenant_id = k.value ->> 0 AND g.kind = k.value ->> 1 AND g.value = k.value ->> 2",
};

/// The groups that have these identities.
pub(super) async fn groups(
    txn: &DatabaseTransaction,
    identities: &HashSet<(TenantId, &str, &str)>,
) -> Result<HashMap<(TenantId, String, String), GroupState>, StoreError> {
    if identities.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<GroupRow> = GROUPS.rows(txn, identities).await?;
    rows.into_iter()
        .map(|row| {
            let state = GroupState {
                id: id(&row.id, "id")?,
                traits: json(&row.traits, "traits")?,
                created_at: row.created_at,
            };
            Ok(((id(&row.tenant_id, "tenant_id")?, row.kind, row.value), state))
        })
        .collect()
}
