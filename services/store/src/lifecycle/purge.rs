//! Removing what was deleted longer ago than it can be brought back: a few rows at a time, each step a transaction that
//! others hardly wait for. Where it was left off is found by what is still there, so it can stop at any time.

use std::collections::HashMap;

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect, Statement, Value,
};
use serde_json::json;
use tributary_domain::{
    id::{DestinationId, SourceId, TenantId, WorkflowId},
    stats::Metric,
    time::Timestamp,
};

use super::{
    GRACE,
    tables::{Rows, TENANT_TABLES},
};
use crate::{
    Lane, Store, StoreError,
    audit::{self, Author, Deed, Owner},
    column::{id, to_json},
    conversion,
    entity::{self, destination, event, identifier, message, request_id, source, tenant, workflow},
    key::{KeyHash, forget},
    once::REMEMBERED,
    stats::Tally,
    txn::Txn,
};

/// Rows that are removed in one step.
pub(super) const STEP: u64 = 200;

/// The removal of what is deleted, between two steps.
#[derive(Debug)]
pub struct Purge {
    store: Store,
    /// What is being removed, and which of its tables is next.
    under_way: Option<(Gone, usize)>,
}

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purged {
    /// There is nothing to remove.
    Nothing,
    /// So many rows are removed.
    Rows(u64),
    /// The last of it is removed.
    All(Gone),
}

/// What is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gone {
    /// A tenant, with everything that it had.
    Tenant(TenantId),
    /// A source with its secrets, refused requests and workflows.
    Source(TenantId, SourceId),
    /// A workflow with its versions.
    Workflow(TenantId, WorkflowId),
    /// A destination with its secrets. What waited for it is given up.
    Destination(TenantId, DestinationId),
}

impl Purge {
    /// A removal that has not begun.
    pub fn new(store: Store) -> Self {
        Self { store, under_way: None }
    }

    /// Does the next step. After an error, the same step is the next one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn step(&mut self, now: Timestamp) -> Result<Purged, StoreError> {
        let forgotten = self.store.forget_requests(now).await?;
        if forgotten > 0 {
            return Ok(Purged::Rows(forgotten));
        }
        let folded = self.store.fold_stats(now).await?;
        if folded > 0 {
            return Ok(Purged::Rows(folded));
        }
        let forgotten = self.store.forget_stats(now).await?;
        if forgotten > 0 {
            return Ok(Purged::Rows(forgotten));
        }
        let (gone, table) = match self.under_way {
            Some(under_way) => under_way,
            None => match self.store.expired(now).await? {
                Some(gone) => (gone, 0),
                None => return Ok(Purged::Nothing),
            },
        };
        self.under_way = Some((gone, table));
        let rows = match gone {
            Gone::Tenant(tenant) => match TENANT_TABLES.get(table) {
                Some((_, rows)) => {
                    let removed = self.store.purge_rows(tenant, rows).await?;
                    if removed == 0 {
                        self.under_way = Some((gone, table + 1));
                    }
                    Some(removed)
                }
                None => self.store.purge_tenant(tenant, now).await?,
            },
            Gone::Source(tenant, source) => self.store.purge_source(tenant, source, now).await?,
            Gone::Workflow(tenant, workflow) => self.store.purge_workflow(tenant, workflow, now).await?,
            Gone::Destination(tenant, destination) => {
                self.store.purge_destination(tenant, destination, now).await?
            }
        };
        Ok(match rows {
            Some(rows) => Purged::Rows(rows),
            None => {
                self.under_way = None;
                Purged::All(gone)
            }
        })
    }
}

impl Store {
    /// Forgets some of the requests that may not be sent again any more; says how many.
    async fn forget_requests(&self, now: Timestamp) -> Result<u64, StoreError> {
        const OLD: &str = "DELETE FROM request_ids WHERE (caller, method, request_id) IN \
            (SELECT caller, method, request_id FROM request_ids WHERE created_at <= $1 LIMIT 200)";
        let until = now.minus(REMEMBERED).micros();
        let is_old = request_id::Column::CreatedAt.lte(until);
        if request_id::Entity::find().filter(is_old).one(self.reader()).await?.is_none() {
            return Ok(0);
        }
        let write = |txn: Txn| async move { execute(txn.as_ref(), OLD, [until.into()]).await };
        self.write_txn(Lane::Other, "purge.requests", write).await
    }

    /// Something that was deleted too long ago, a tenant first.
    async fn expired(&self, now: Timestamp) -> Result<Option<Gone>, StoreError> {
        let (until, reader) = (now.minus(GRACE).micros(), self.reader());
        let gone = tenant::Entity::find()
            .filter(tenant::Column::DeletedAt.lte(until))
            .order_by_asc(tenant::Column::Id)
            .one(reader)
            .await?;
        if let Some(row) = gone {
            let tenant = id(&row.id, "tenants.id")?;
            self.mark_for_removal(tenant).await?;
            return Ok(Some(Gone::Tenant(tenant)));
        }
        let gone = source::Entity::find().filter(source::Column::DeletedAt.lte(until)).one(reader).await?;
        if let Some(row) = gone {
            let (tenant, source) = (id(&row.tenant_id, "sources.tenant_id")?, id(&row.id, "sources.id")?);
            return Ok(Some(Gone::Source(tenant, source)));
        }
        let gone = workflow::Entity::find()
            .filter(workflow::Column::DeletedAt.lte(until))
            .filter(workflow::Column::DeletedWith.is_null())
            .one(reader)
            .await?;
        if let Some(row) = gone {
            let (tenant, flow) = (id(&row.tenant_id, "workflows.tenant_id")?, id(&row.id, "workflows.id")?);
            return Ok(Some(Gone::Workflow(tenant, flow)));
        }
        let gone =
            destination::Entity::find().filter(destination::Column::DeletedAt.lte(until)).one(reader).await?;
        let Some(row) = gone else { return Ok(None) };
        let tenant = id(&row.tenant_id, "destinations.tenant_id")?;
        Ok(Some(Gone::Destination(tenant, id(&row.id, "destinations.id")?)))
    }

    /// From now on the tenant cannot be brought back, whatever the clock says later: a part of it may be gone.
    async fn mark_for_removal(&self, tenant: TenantId) -> Result<(), StoreError> {
        let write = |txn: Txn| async move {
            let mark = tenant::ActiveModel { deleted_at: Set(Some(0)), ..Default::default() };
            let marked = tenant::Entity::update_many()
                .set(mark)
                .filter(tenant::Column::Id.eq(tenant.to_string()))
                .filter(tenant::Column::DeletedAt.is_not_null());
            marked.exec(txn.as_ref()).await?;
            Ok(())
        };
        self.write_txn(Lane::Other, "purge.mark", write).await
    }

    /// Removes some rows of a tenant; says how many there were.
    async fn purge_rows(&self, tenant: TenantId, rows: &Rows) -> Result<u64, StoreError> {
        let write = |txn: Txn| async move {
            let txn = txn.as_ref();
            match rows {
                Rows::Plain { statement } => execute(txn, statement, [tenant.to_string().into()]).await,
                Rows::Messages => messages(txn, tenant).await,
                Rows::Identifiers => identifiers(txn, tenant).await,
                Rows::Conversions => conversions(txn, tenant).await,
            }
        };
        self.write_txn(Lane::Other, "purge.rows", write).await
    }

    /// Removes the tenant itself.
    async fn purge_tenant(&self, tenant: TenantId, now: Timestamp) -> Result<Option<u64>, StoreError> {
        let write = |txn: Txn| async move {
            let txn = txn.as_ref();
            tenant::Entity::delete_by_id(tenant.to_string()).exec(txn).await?;
            record(txn, Owner::Installation, now, Deed::new("tenant.purge", tenant)).await
        };
        self.write_txn(Lane::Other, "purge.tenant", write).await.map(|()| None)
    }

    /// Removes some of a source's refused requests, or itself when there are none.
    async fn purge_source(
        &self,
        tenant: TenantId,
        source: SourceId,
        now: Timestamp,
    ) -> Result<Option<u64>, StoreError> {
        const REFUSED: &str = "DELETE FROM rejected_requests WHERE id IN \
            (SELECT id FROM rejected_requests WHERE tenant_id = $1 AND source_id = $2 LIMIT 200)";
        const REST: [&str; 7] = [
            "DELETE FROM rejected_counts WHERE tenant_id = $1 AND source_id = $2",
            "DELETE FROM source_secrets WHERE tenant_id = $1 AND source_id = $2",
            "DELETE FROM connections WHERE tenant_id = $1 AND source_id = $2",
            "DELETE FROM workflow_versions WHERE tenant_id = $1 AND workflow_id IN \
             (SELECT id FROM workflows WHERE tenant_id = $1 AND source_id = $2)",
            "DELETE FROM workflow_samples WHERE tenant_id = $1 AND workflow_id IN \
             (SELECT id FROM workflows WHERE tenant_id = $1 AND source_id = $2)",
            "DELETE FROM workflows WHERE tenant_id = $1 AND source_id = $2",
            "DELETE FROM sources WHERE tenant_id = $1 AND id = $2",
        ];
        let write = |txn: Txn| async move {
            let txn = txn.as_ref();
            let own = || [tenant.to_string().into(), source.to_string().into()];
            let refused = execute(txn, REFUSED, own()).await?;
            if refused > 0 {
                return Ok(Some(refused));
            }
            for statement in REST {
                execute(txn, statement, own()).await?;
            }
            record(txn, Owner::Tenant(tenant), now, Deed::new("source.purge", source)).await?;
            Ok(None)
        };
        self.write_txn(Lane::Other, "purge.source", write).await
    }

    async fn purge_workflow(
        &self,
        tenant: TenantId,
        workflow: WorkflowId,
        now: Timestamp,
    ) -> Result<Option<u64>, StoreError> {
        const ALL: [&str; 3] = [
            "DELETE FROM workflow_versions WHERE tenant_id = $1 AND workflow_id = $2",
            "DELETE FROM workflow_samples WHERE tenant_id = $1 AND workflow_id = $2",
            "DELETE FROM workflows WHERE tenant_id = $1 AND id = $2",
        ];
        let write = |txn: Txn| async move {
            let txn = txn.as_ref();
            for statement in ALL {
                execute(txn, statement, [tenant.to_string().into(), workflow.to_string().into()]).await?;
            }
            record(txn, Owner::Tenant(tenant), now, Deed::new("workflow.purge", workflow)).await
        };
        self.write_txn(Lane::Other, "purge.workflow", write).await.map(|()| None)
    }

    /// Gives some of a destination's waiting deliveries up, or removes itself when there are none.
    async fn purge_destination(
        &self,
        tenant: TenantId,
        destination: DestinationId,
        now: Timestamp,
    ) -> Result<Option<u64>, StoreError> {
        const WAITING: &str = "UPDATE deliveries SET state = 'FAILED', completed_at = $3, \
            last_error = 'the destination was deleted' WHERE (tenant_id, id) IN \
            (SELECT tenant_id, id FROM deliveries \
             WHERE tenant_id = $1 AND destination_id = $2 AND state = 'PENDING' LIMIT 200) RETURNING event_id";
        const ITSELF: &str = "DELETE FROM destinations WHERE tenant_id = $1 AND id = $2";
        let write = |txn: Txn| async move {
            let txn = txn.as_ref();
            let (own, itself) = (tenant.to_string(), destination.to_string());
            let at = now.micros();
            let waiting = [own.as_str().into(), itself.as_str().into(), at.into()];
            let given_up = given_up(txn, tenant, now, WAITING, waiting).await?;
            if given_up > 0 {
                return Ok(Some(given_up));
            }
            execute(txn, ITSELF, [own.into(), itself.into()]).await?;
            record(txn, Owner::Tenant(tenant), now, Deed::new("destination.purge", destination)).await?;
            Ok(None)
        };
        self.write_txn(Lane::Other, "purge.destination", write).await
    }
}

async fn execute<const N: usize>(
    txn: &DatabaseTransaction,
    statement: &str,
    values: [Value; N],
) -> Result<u64, StoreError> {
    let statement = Statement::from_sql_and_values(txn.get_database_backend(), statement, values);
    Ok(txn.execute_raw(statement).await?.rows_affected())
}

/// Gives deliveries up by a statement that returns their events, and counts them; says how many.
async fn given_up<const N: usize>(
    txn: &DatabaseTransaction,
    tenant: TenantId,
    now: Timestamp,
    statement: &str,
    values: [Value; N],
) -> Result<u64, StoreError> {
    let statement = Statement::from_sql_and_values(txn.get_database_backend(), statement, values);
    let mut events = Vec::new();
    for row in txn.query_all_raw(statement).await? {
        events.push(row.try_get::<String>("", "event_id")?);
    }
    let sources: Vec<(String, String)> = event::Entity::find()
        .select_only()
        .columns([event::Column::Id, event::Column::SourceId])
        .filter(event::Column::TenantId.eq(tenant.to_string()))
        .filter(event::Column::Id.is_in(events.iter().map(String::as_str)))
        .into_tuple()
        .all(txn)
        .await?;
    let sources: HashMap<String, String> = sources.into_iter().collect();
    let mut tally = Tally::default();
    for event in &events {
        // Of an event that is not kept any more, nobody knows the source.
        if let Some(source) = sources.get(event) {
            tally.count(now, tenant, id(source, "events.source_id")?, Metric::DeliveryFailed);
        }
    }
    tally.write(txn).await?;
    Ok(events.len() as u64)
}

async fn record(
    txn: &DatabaseTransaction,
    owner: Owner,
    now: Timestamp,
    deed: Deed,
) -> Result<(), StoreError> {
    audit::append(txn, owner, &Author::new("purge", now), &deed).await
}

/// Removes some messages with their dedupe keys, which only they can tell.
async fn messages(txn: &DatabaseTransaction, tenant: TenantId) -> Result<u64, StoreError> {
    let rows: Vec<(String, String, Option<String>)> = message::Entity::find()
        .select_only()
        .columns([message::Column::Id, message::Column::SourceId, message::Column::DedupeKey])
        .filter(message::Column::TenantId.eq(tenant.to_string()))
        .limit(STEP)
        .into_tuple()
        .all(txn)
        .await?;
    let mut hashes = Vec::with_capacity(rows.len());
    for (_, source, key) in &rows {
        let source: SourceId = id(source, "messages.source_id")?;
        hashes.extend(key.as_ref().map(|key| KeyHash::dedupe(tenant, source, key)));
    }
    forget(txn, "dedupe_keys", &hashes).await?;
    let ids = rows.iter().map(|(id, ..)| id.as_str());
    let removed = message::Entity::delete_many().filter(message::Column::Id.is_in(ids)).exec(txn).await?;
    Ok(removed.rows_affected)
}

/// Removes some identifiers, and whose they are, which only they can tell.
async fn identifiers(txn: &DatabaseTransaction, tenant: TenantId) -> Result<u64, StoreError> {
    const SQLITE: &str = "DELETE FROM identifiers WHERE (tenant_id, profile_id, kind, value) IN \
        (SELECT ?1, k.value ->> 0, k.value ->> 1, k.value ->> 2 FROM jsonb_each(?2) k)";
    const POSTGRES: &str = "DELETE FROM identifiers WHERE (tenant_id, profile_id, kind, value) IN \
        (SELECT $1, k.value ->> 0, k.value ->> 1, k.value ->> 2 FROM jsonb_array_elements($2::jsonb) k(value))";
    let rows = identifier::Entity::find()
        .filter(identifier::Column::TenantId.eq(tenant.to_string()))
        .limit(STEP)
        .all(txn)
        .await?;
    let hashes: Vec<_> = rows.iter().map(|row| KeyHash::identifier(tenant, &row.kind, &row.value)).collect();
    forget(txn, "identifier_keys", &hashes).await?;
    let keys: Vec<_> = rows.iter().map(|row| json!([row.profile_id, row.kind, row.value])).collect();
    let sql = if txn.get_database_backend() == DbBackend::Sqlite { SQLITE } else { POSTGRES };
    execute(txn, sql, [tenant.to_string().into(), to_json(&keys)?.into()]).await
}

/// Removes some conversions with their keys.
async fn conversions(txn: &DatabaseTransaction, tenant: TenantId) -> Result<u64, StoreError> {
    let rows = entity::conversion::Entity::find()
        .filter(entity::conversion::Column::TenantId.eq(tenant.to_string()))
        .limit(STEP)
        .all(txn)
        .await?;
    conversion::remove(txn, tenant, rows).await
}
