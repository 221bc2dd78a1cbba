//! Erasing a person, the ledger's part: identity forgets them, between two batches. All other copies go in small steps
//! afterwards: see [`crate::erasure`].

use std::collections::BTreeMap;

use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect,
};
use serde_json::json;
use tributary_domain::{
    id::{OperationId, ProfileId, SuppressionId, TenantId},
    identity::IdentifierType,
    time::Timestamp,
};

use crate::{
    Sealer, StoreError,
    audit::{self, Author, Deed, Owner},
    bulk::{OnConflict, bulk_insert},
    column::{id, to_json},
    conversion::remove as remove_conversions,
    entity::{
        blocked_identifier, browser_context, conversion, erased_profile, erasure, held_message, identifier,
        identifier_meeting, merge, message, never_join, profile, suppression,
    },
    erasure::{Part, Wanted},
    key::{KeyHash, forget},
    ledger::Fate,
    suppression::{Listed, SuppressionHash, SuppressionKey},
};

/// How many values a statement binds at most: SQLite takes no more than 32,766, and some statements name each twice.
const CHUNK: usize = 10_000;

/// Takes the person whom `profile` stands for out of identity: the profile and all that became part of it, with their
/// identifiers. Says why not, where there is nobody.
pub(super) async fn person(
    txn: &DatabaseTransaction,
    sealer: &Sealer,
    tenant: TenantId,
    profile: ProfileId,
    operation: OperationId,
    now: Timestamp,
) -> Result<Option<String>, StoreError> {
    let own = tenant.to_string();
    let Some(row) = profile::Entity::find_by_id((own.clone(), profile.to_string())).one(txn).await? else {
        let erased = erased_profile::Entity::find_by_id((own, profile.to_string())).one(txn).await?;
        let why = if erased.is_some() { "the person was erased already" } else { "there is no such profile" };
        return Ok(Some(why.to_owned()));
    };
    let live = row.merged_into.unwrap_or(row.id);
    let people = people(txn, &own, &live).await?;
    let mut identifiers = Vec::new();
    for some in people.chunks(CHUNK) {
        let of_some = identifier::Entity::find()
            .filter(identifier::Column::TenantId.eq(own.as_str()))
            .filter(identifier::Column::ProfileId.is_in(some));
        identifiers.extend(of_some.all(txn).await?);
    }
    let mut counts = BTreeMap::new();
    suppress_all(txn, &SuppressionKey::of(sealer, tenant), tenant, &identifiers, now).await?;
    let hashes: Vec<_> =
        identifiers.iter().map(|row| KeyHash::identifier(tenant, &row.kind, &row.value)).collect();
    counts.insert("identifier_keys", forget(txn, "identifier_keys", &hashes).await?);
    counts.insert("browser_context", forget_contexts(txn, &own, &people, &identifiers).await?);
    counts.insert("identifier_meetings", forget_meetings(txn, &own, &people, &identifiers).await?);
    counts.insert("blocked_identifiers", forget_blocked(txn, &own, &identifiers).await?);
    for (table, rows) in forget_people(txn, tenant, &people).await? {
        counts.insert(table, rows);
    }
    let gone = people.iter().map(|person| erased_profile::Model {
        tenant_id: own.clone(),
        id: person.clone(),
        operation_id: operation.to_string(),
        erased_at: now.micros(),
    });
    bulk_insert::<erased_profile::Entity>(txn, gone.collect(), OnConflict::Replace).await?;
    let people: Vec<ProfileId> =
        people.iter().map(|person| id(person, "profiles.id")).collect::<Result<_, _>>()?;
    let wanted = Wanted::of(people, &identifiers).seal(sealer, tenant, operation)?;
    let row = erasure::Model {
        tenant_id: own,
        operation_id: operation.to_string(),
        profile_id: live.clone(),
        erased_at: now.micros(),
        completed_at: None,
        part: Part::Deliveries.code().to_owned(),
        place: None,
        wanted: Some(wanted),
        counts: to_json(&counts)?,
    };
    bulk_insert::<erasure::Entity>(txn, vec![row], OnConflict::Replace).await?;
    let live: ProfileId = id(&live, "profiles.id")?;
    let deed = Deed::new("profile.erase", live).with(json!({ "operation": operation }));
    audit::append(txn, Owner::Tenant(tenant), &Author::new("ledger", now), &deed).await?;
    Ok(None)
}

/// The rows of these profiles themselves; says how many there were of each table.
async fn forget_people(
    txn: &DatabaseTransaction,
    tenant: TenantId,
    people: &[String],
) -> Result<BTreeMap<&'static str, u64>, StoreError> {
    let own = tenant.to_string();
    let mut counts = BTreeMap::new();
    let mut count = |table, rows| *counts.entry(table).or_default() += rows;
    for some in people.chunks(CHUNK) {
        let of_some = identifier::Entity::delete_many()
            .filter(identifier::Column::TenantId.eq(own.as_str()))
            .filter(identifier::Column::ProfileId.is_in(some));
        count("identifiers", of_some.exec(txn).await?.rows_affected);
        let theirs = conversion::Entity::find()
            .filter(conversion::Column::TenantId.eq(own.as_str()))
            .filter(conversion::Column::ProfileId.is_in(some));
        count("conversions", remove_conversions(txn, tenant, theirs.all(txn).await?).await?);
        let tied =
            Condition::any().add(merge::Column::LeftId.is_in(some)).add(merge::Column::RightId.is_in(some));
        let of_some =
            merge::Entity::delete_many().filter(merge::Column::TenantId.eq(own.as_str())).filter(tied);
        count("merges", of_some.exec(txn).await?.rows_affected);
        let apart = Condition::any()
            .add(never_join::Column::LeftId.is_in(some))
            .add(never_join::Column::RightId.is_in(some));
        let of_some = never_join::Entity::delete_many()
            .filter(never_join::Column::TenantId.eq(own.as_str()))
            .filter(apart);
        count("never_join", of_some.exec(txn).await?.rows_affected);
        let of_some = profile::Entity::delete_many()
            .filter(profile::Column::TenantId.eq(own.as_str()))
            .filter(profile::Column::Id.is_in(some));
        count("profiles", of_some.exec(txn).await?.rows_affected);
    }
    Ok(counts)
}

/// A live profile, and those that are part of it. Merges do not tell: an undo leaves them naming who was live before.
async fn people(txn: &DatabaseTransaction, tenant: &str, live: &str) -> Result<Vec<String>, StoreError> {
    let theirs = Condition::any().add(profile::Column::Id.eq(live)).add(profile::Column::MergedInto.eq(live));
    let rows = profile::Entity::find()
        .select_only()
        .column(profile::Column::Id)
        .filter(profile::Column::TenantId.eq(tenant))
        .filter(theirs)
        .into_tuple()
        .all(txn)
        .await?;
    Ok(rows)
}

async fn suppress_all(
    txn: &DatabaseTransaction,
    key: &SuppressionKey,
    tenant: TenantId,
    identifiers: &[identifier::Model],
    now: Timestamp,
) -> Result<(), StoreError> {
    for row in identifiers {
        let hash = key.hash(&row.kind, &row.value);
        let change = |known: suppression::Model| suppression::Model {
            erased_until: known.erased_until.max(Some(now.micros())),
            ..known
        };
        put(txn, tenant, &row.kind, hash, now, change).await?;
    }
    Ok(())
}

/// Changes the row of a suppression, which is made where there is none.
async fn put(
    txn: &DatabaseTransaction,
    tenant: TenantId,
    kind: &str,
    hash: SuppressionHash,
    now: Timestamp,
    change: impl FnOnce(suppression::Model) -> suppression::Model,
) -> Result<(), StoreError> {
    let key = (tenant.to_string(), hash.to_column());
    let known = suppression::Entity::find_by_id(key.clone()).one(txn).await?;
    let known = known.unwrap_or_else(|| suppression::Model {
        tenant_id: key.0,
        key_hash: key.1,
        kind: kind.to_owned(),
        erased_until: None,
        listed_at: None,
        label: String::new(),
        destinations: None,
        updated_at: now.micros(),
    });
    let row = suppression::Model { updated_at: now.micros(), ..change(known) };
    bulk_insert::<suppression::Entity>(txn, vec![row], OnConflict::Replace).await.map(|_| ())
}

/// What is known of the browser sessions of these people, wherever it lies.
async fn forget_contexts(
    txn: &DatabaseTransaction,
    tenant: &str,
    people: &[String],
    identifiers: &[identifier::Model],
) -> Result<u64, StoreError> {
    let delete =
        || browser_context::Entity::delete_many().filter(browser_context::Column::TenantId.eq(tenant));
    let mut removed = 0;
    for some in people.chunks(CHUNK) {
        let theirs = delete().filter(browser_context::Column::Anchor.is_in(some));
        removed += theirs.exec(txn).await?.rows_affected;
    }
    let is_cluid = |row: &&identifier::Model| row.kind == IdentifierType::CLUID;
    let cluids: Vec<_> = identifiers.iter().filter(is_cluid).map(|row| row.value.as_str()).collect();
    for some in cluids.chunks(CHUNK) {
        let unowned = delete()
            .filter(browser_context::Column::Anchor.eq(""))
            .filter(browser_context::Column::Cluid.is_in(some.iter().copied()));
        removed += unowned.exec(txn).await?.rows_affected;
    }
    Ok(removed)
}

/// The person's values with their type, as many at once as a statement takes.
fn by_kind(identifiers: &[identifier::Model]) -> Vec<(&str, Vec<&str>)> {
    let mut values: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for row in identifiers {
        values.entry(&row.kind).or_default().push(&row.value);
    }
    let mut all = Vec::new();
    for (kind, values) in values {
        all.extend(values.chunks(CHUNK).map(|some| (kind, some.to_vec())));
    }
    all
}

/// Whom the person's values met, and which values met them.
async fn forget_meetings(
    txn: &DatabaseTransaction,
    tenant: &str,
    people: &[String],
    identifiers: &[identifier::Model],
) -> Result<u64, StoreError> {
    let delete =
        || identifier_meeting::Entity::delete_many().filter(identifier_meeting::Column::TenantId.eq(tenant));
    let mut removed = 0;
    for some in people.chunks(CHUNK) {
        let theirs = delete().filter(identifier_meeting::Column::ProfileId.is_in(some));
        removed += theirs.exec(txn).await?.rows_affected;
    }
    for (kind, some) in by_kind(identifiers) {
        let of_kind = delete()
            .filter(identifier_meeting::Column::Kind.eq(kind))
            .filter(identifier_meeting::Column::Value.is_in(some));
        removed += of_kind.exec(txn).await?.rows_affected;
    }
    Ok(removed)
}

/// That the person's values were no evidence.
async fn forget_blocked(
    txn: &DatabaseTransaction,
    tenant: &str,
    identifiers: &[identifier::Model],
) -> Result<u64, StoreError> {
    let mut removed = 0;
    for (kind, some) in by_kind(identifiers) {
        let delete = blocked_identifier::Entity::delete_many()
            .filter(blocked_identifier::Column::TenantId.eq(tenant))
            .filter(blocked_identifier::Column::Kind.eq(kind))
            .filter(blocked_identifier::Column::Value.is_in(some));
        removed += delete.exec(txn).await?.rows_affected;
    }
    Ok(removed)
}

/// Takes messages out of the held lane for good. One that was only held is told to be suppressed; one that was to be
/// processed again stays as it was.
pub(super) async fn drop_held(
    txn: &DatabaseTransaction,
    tenant: TenantId,
    positions: &[i64],
) -> Result<(), StoreError> {
    let own = tenant.to_string();
    let these = || {
        Condition::all()
            .add(held_message::Column::TenantId.eq(own.as_str()))
            .add(held_message::Column::Position.is_in(positions.iter().copied()))
    };
    let messages: Vec<String> = held_message::Entity::find()
        .select_only()
        .column(held_message::Column::MessageId)
        .filter(these())
        .into_tuple()
        .all(txn)
        .await?;
    held_message::Entity::delete_many().filter(these()).exec(txn).await?;
    let fate = message::ActiveModel { fate: Set(Fate::Suppressed.code().to_owned()), ..Default::default() };
    message::Entity::update_many()
        .set(fate)
        .filter(message::Column::TenantId.eq(own.as_str()))
        .filter(message::Column::Id.is_in(messages))
        .filter(message::Column::Fate.eq(Fate::Held.code()))
        .exec(txn)
        .await?;
    Ok(())
}

/// Puts identifiers on the tenant's list.
pub(super) async fn suppress(
    txn: &DatabaseTransaction,
    tenant: TenantId,
    listed: &Listed,
    now: Timestamp,
) -> Result<(), StoreError> {
    let destinations = listed.destinations.as_ref().map(to_json).transpose()?;
    for (kind, id) in &listed.identifiers {
        let change = |known: suppression::Model| suppression::Model {
            listed_at: known.listed_at.or(Some(now.micros())),
            label: listed.label.clone(),
            destinations: destinations.clone(),
            ..known
        };
        put(txn, tenant, kind, SuppressionHash::of_id(*id), now, change).await?;
    }
    Ok(())
}

/// Takes identifiers off the tenant's list. What belongs to somebody who was erased stays suppressed as far as that goes.
pub(super) async fn unsuppress(
    txn: &DatabaseTransaction,
    tenant: TenantId,
    suppressions: &[SuppressionId],
    now: Timestamp,
) -> Result<(), StoreError> {
    let these = || {
        let hashes = suppressions.iter().map(|id| SuppressionHash::of_id(*id).to_column());
        Condition::all()
            .add(suppression::Column::TenantId.eq(tenant.to_string()))
            .add(suppression::Column::KeyHash.is_in(hashes))
    };
    let plain =
        suppression::Entity::delete_many().filter(these()).filter(suppression::Column::ErasedUntil.is_null());
    plain.exec(txn).await?;
    let off = suppression::ActiveModel {
        listed_at: Set(None),
        label: Set(String::new()),
        destinations: Set(None),
        updated_at: Set(now.micros()),
        ..Default::default()
    };
    suppression::Entity::update_many().set(off).filter(these()).exec(txn).await?;
    Ok(())
}
