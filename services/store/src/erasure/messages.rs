//! Messages about somebody who was erased: their lines stay in the log, without anything that came with them.

use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect, sea_query::Expr};
use tributary_domain::{
    id::{EventId, MessageId, TenantId},
    workflow::status::RunStatus,
};

use crate::{
    StoreError,
    column::{id, json, to_json},
    entity::{event, message, run},
    key::{KeyHash, forget},
    ledger::{Fate, erased_reason},
    message::MessageRun,
    retention::REMOVED,
};

/// Takes headers, body and all that could tell whom they are about out of these messages, and forgets what they would be
/// known by if they came again. One that still has events, which are of others then, stays as it ended, and its hash
/// stays too: these events would be made twice if it came again. Says how many there were.
pub(super) async fn blank(
    txn: &DatabaseTransaction,
    tenant: TenantId,
    messages: &[String],
) -> Result<u64, StoreError> {
    let own = tenant.to_string();
    let rows: Vec<(String, String, Option<String>)> = message::Entity::find()
        .select_only()
        .columns([message::Column::Id, message::Column::SourceId, message::Column::DedupeKey])
        .filter(message::Column::TenantId.eq(own.as_str()))
        .filter(message::Column::Id.is_in(messages))
        .into_tuple()
        .all(txn)
        .await?;
    let (mut hashes, mut without_events) = (Vec::new(), Vec::new());
    for (message, source, key) in &rows {
        if !has_events(txn, &own, id(message, "messages.id")?).await? {
            let source = id(source, "messages.source_id")?;
            hashes.extend(key.as_ref().map(|key| KeyHash::dedupe(tenant, source, key)));
            without_events.push(message.as_str());
        }
    }
    forget(txn, "dedupe_keys", &hashes).await?;
    let found = || rows.iter().map(|(id, ..)| id.as_str());
    let null = || Expr::value(Option::<String>::None);
    let blanked = message::Entity::update_many()
        .col_expr(message::Column::Headers, Expr::value(REMOVED))
        .col_expr(message::Column::Body, Expr::value(Vec::<u8>::new()))
        .col_expr(message::Column::Cluid, null())
        .col_expr(message::Column::DedupeKey, null())
        .col_expr(message::Column::TraceParent, null())
        .filter(message::Column::TenantId.eq(own.as_str()))
        .filter(message::Column::Id.is_in(found()))
        .exec(txn)
        .await?;
    message::Entity::update_many()
        .col_expr(message::Column::Fate, Expr::value(Fate::Suppressed.code()))
        .col_expr(message::Column::DuplicateOf, null())
        .filter(message::Column::TenantId.eq(own))
        .filter(message::Column::Id.is_in(without_events))
        .exec(txn)
        .await?;
    Ok(blanked.rows_affected)
}

async fn has_events(txn: &DatabaseTransaction, tenant: &str, message: MessageId) -> Result<bool, StoreError> {
    let (low, high) = EventId::range(message);
    let found: Option<String> = event::Entity::find()
        .select_only()
        .column(event::Column::Id)
        .filter(event::Column::TenantId.eq(tenant))
        .filter(event::Column::Id.between(low.to_string(), high.to_string()))
        .limit(1)
        .into_tuple()
        .one(txn)
        .await?;
    Ok(found.is_some())
}

/// Says of the runs that made only events of the person that these were suppressed.
pub(super) async fn suppress_runs(
    txn: &DatabaseTransaction,
    tenant: TenantId,
    message: MessageId,
) -> Result<(), StoreError> {
    let (own, (low, high)) = (tenant.to_string(), EventId::range(message));
    let row: Option<String> = message::Entity::find_by_id(message.to_string())
        .select_only()
        .column(message::Column::Runs)
        .filter(message::Column::TenantId.eq(own.as_str()))
        .into_tuple()
        .one(txn)
        .await?;
    // The log of it may be gone already.
    let Some(row) = row else { return Ok(()) };
    let mut runs: Vec<MessageRun> = json(&row, "messages.runs")?;
    let left: Vec<String> = event::Entity::find()
        .select_only()
        .column(event::Column::WorkflowId)
        .filter(event::Column::TenantId.eq(own.as_str()))
        .filter(event::Column::Id.between(low.to_string(), high.to_string()))
        .into_tuple()
        .all(txn)
        .await?;
    let reason = to_json(&erased_reason())?;
    for made in runs.iter_mut().filter(|made| !left.contains(&made.workflow.to_string())) {
        let is_of_events = made.status == RunStatus::Succeeded;
        if is_of_events {
            made.status = RunStatus::Suppressed;
        }
        run::Entity::update_many()
            .col_expr(run::Column::Status, Expr::value(made.status.code()))
            .col_expr(run::Column::Reason, Expr::value(Some(reason.as_str())))
            .col_expr(run::Column::ProfileId, Expr::value(Option::<String>::None))
            .col_expr(run::Column::Events, Expr::value(0))
            .filter(run::Column::TenantId.eq(own.as_str()))
            .filter(run::Column::WorkflowId.eq(made.workflow.to_string()))
            .filter(run::Column::MessageId.eq(message.to_string()))
            .exec(txn)
            .await?;
    }
    message::Entity::update_many()
        .col_expr(message::Column::Runs, Expr::value(to_json(&runs)?))
        .filter(message::Column::TenantId.eq(own))
        .filter(message::Column::Id.eq(message.to_string()))
        .exec(txn)
        .await?;
    Ok(())
}
