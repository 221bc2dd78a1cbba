//! Bodies: what came in, and what destinations answered. The rows stay, as lines of the log.
//!
//! Where those begin that have their bodies is kept, so that a round need not look at all that have none. It is never
//! beyond a message that waits: its body comes with its processing once more; nor beyond what the journal may still hold
//! back.

use std::collections::HashSet;

use sea_orm::{
    ColumnTrait, DatabaseTransaction, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::Expr,
};
use tributary_domain::{
    id::{DeliveryId, MessageId, SourceId, TenantId},
    retention::days,
    time::Timestamp,
};

use super::{Keeper, REMOVED, STEP, Sql, first_id, keys::JOURNAL};
use crate::{
    Lane, Store, StoreError,
    bulk::{OnConflict, bulk_insert},
    delivery::AttemptRecord,
    entity::{delivery_attempt, held_message, message, rejected_request, retention_progress},
    ledger::Fate,
    txn::Txn,
};

/// The part of the progress that is about answers; that about bodies has the source's name.
const ANSWERS: &str = "answers";

/// Bytes of bodies that one step removes at most, or one body.
const BYTES: i64 = 4 * 1024 * 1024;

/// How far a round is with bodies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pass {
    /// The last id that was looked at.
    after: String,
    /// The id before the first message that waits: the next round begins there.
    waits: Option<String>,
}

impl Store {
    /// Removes the bodies of some old messages of a source; says how many, and how to go on.
    pub(super) async fn remove_bodies(
        &self,
        keeper: Keeper,
        source: SourceId,
        pass: Option<Pass>,
        now: Timestamp,
    ) -> Result<(u64, Option<Pass>), StoreError> {
        let part = source.to_string();
        let is_first = pass.is_none();
        let Pass { mut after, waits } = self.pass(keeper, &part, pass).await?;
        // What is accepted later than this may still come.
        let late = MessageId::from_bits(first_id(now.minus(JOURNAL)).bits().saturating_sub(1)).to_string();
        if is_first {
            after = Ord::min(after, late.clone());
        }
        let mut rows: Vec<(String, String, i32)> = message::Entity::find()
            .select_only()
            .columns([message::Column::Id, message::Column::Fate])
            .column_as(Expr::cust("length(headers) + length(body)"), "bytes")
            .filter(message::Column::TenantId.eq(keeper.tenant.to_string()))
            .filter(message::Column::SourceId.eq(part.as_str()))
            .filter(message::Column::Id.gt(after.as_str()))
            .filter(message::Column::Id.lt(first_id(keeper.kept.bodies_until(now)).to_string()))
            .order_by_asc(message::Column::Id)
            .limit(STEP)
            .into_tuple()
            .all(self.reader())
            .await?;
        let is_full = rows.len() as u64 == STEP;
        let all = rows.len();
        let mut bytes = 0;
        let fitting = rows.iter().take_while(|(.., size)| {
            let is_first = bytes == 0;
            bytes += i64::from(*size);
            is_first || bytes <= BYTES
        });
        let fitting = fitting.count();
        rows.truncate(fitting);
        let is_cut = is_full || fitting < all;
        let Some((last, ..)) = rows.last() else { return Ok((0, None)) };
        if after >= late && rows.iter().all(|(.., size)| *size == 0) {
            return Ok((0, is_cut.then(|| Pass { after: last.clone(), waits })));
        }
        let (rows, part, after, waits, late) = (&rows, part.as_str(), &after, &waits, &late);
        let write = |txn: Txn| async move {
            let txn = txn.as_ref();
            let messages = || rows.iter().map(|(message, ..)| message);
            with_bodies(txn, keeper.tenant, messages()).await?;
            // Looked at after the lock: whoever has one of them processed again has put it into the lane by now, or finds
            // that its body is gone.
            let held = held_among(txn, keeper.tenant, messages()).await?;
            let (mut done, mut waits, mut before) = (Vec::with_capacity(rows.len()), waits.clone(), after);
            for (message, fate, _) in rows {
                if is_waiting(fate) || held.contains(message) {
                    waits.get_or_insert_with(|| before.clone());
                } else {
                    done.push(message.as_str());
                }
                before = message;
            }
            let removed = message::Entity::update_many()
                .col_expr(message::Column::Headers, Expr::value(REMOVED))
                .col_expr(message::Column::Body, Expr::value(Vec::<u8>::new()))
                .filter(message::Column::TenantId.eq(keeper.tenant.to_string()))
                .filter(message::Column::Id.is_in(done))
                .filter(message::Column::Headers.ne(REMOVED))
                .filter(message::Column::Fate.is_not_in(WAITING.map(Fate::code)))
                .exec(txn)
                .await?;
            let place = Ord::min(waits.as_ref().unwrap_or(last), late);
            put_place(txn, keeper.tenant, part, place).await?;
            Ok((removed.rows_affected, waits))
        };
        let (removed, waits) = self.write_txn(Lane::Other, "retention.bodies", write).await?;
        let after = last.clone();
        Ok((removed, is_cut.then_some(Pass { after, waits })))
    }

    /// Removes what a tenant's destinations answered in some old attempts; says how many, and how to go on.
    pub(super) async fn remove_answers(
        &self,
        keeper: Keeper,
        pass: Option<Pass>,
        now: Timestamp,
    ) -> Result<(u64, Option<Pass>), StoreError> {
        let Pass { after, .. } = self.pass(keeper, ANSWERS, pass).await?;
        let until = DeliveryId::range(first_id(keeper.kept.bodies_until(now))).0.to_string();
        let mut rows: Vec<String> = delivery_attempt::Entity::find()
            .select_only()
            .column(delivery_attempt::Column::DeliveryId)
            .filter(delivery_attempt::Column::TenantId.eq(keeper.tenant.to_string()))
            .filter(delivery_attempt::Column::DeliveryId.gt(after.as_str()))
            .filter(delivery_attempt::Column::DeliveryId.lt(until))
            .order_by_asc(delivery_attempt::Column::DeliveryId)
            .order_by_asc(delivery_attempt::Column::Number)
            .limit(STEP)
            .into_tuple()
            .all(self.reader())
            .await?;
        let is_full = rows.len() as u64 == STEP;
        let Some(mut last) = rows.pop() else { return Ok((0, None)) };
        // A delivery whose attempts end with another step is left to that; none has as many attempts as a step has rows.
        if is_full && let Some(before) = rows.into_iter().rev().find(|delivery| *delivery != last) {
            last = before;
        }
        let (last, after) = (&last, &after);
        let write = |txn: Txn| async move {
            let txn = txn.as_ref();
            let removed = delivery_attempt::Entity::update_many()
                .col_expr(delivery_attempt::Column::ResponseHeaders, Expr::value(REMOVED))
                .col_expr(delivery_attempt::Column::ResponseBody, Expr::value(Vec::<u8>::new()))
                .filter(delivery_attempt::Column::TenantId.eq(keeper.tenant.to_string()))
                .filter(delivery_attempt::Column::DeliveryId.gt(after.as_str()))
                .filter(delivery_attempt::Column::DeliveryId.lte(last.as_str()))
                .filter(delivery_attempt::Column::ResponseHeaders.ne(REMOVED))
                .exec(txn)
                .await?;
            put_place(txn, keeper.tenant, ANSWERS, last).await?;
            Ok(removed.rows_affected)
        };
        let removed = self.write_txn(Lane::Other, "retention.answers", write).await?;
        Ok((removed, is_full.then(|| Pass { after: last.clone(), waits: None })))
    }

    /// Removes the old refused requests of a source: without its body there is not much to such a request, and all of
    /// them are counted.
    pub(super) async fn remove_refused(
        &self,
        keeper: Keeper,
        source: SourceId,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let until = tributary_domain::id::RejectionId::new(keeper.kept.bodies_until(now).millis(), 0);
        let is_old = rejected_request::Column::TenantId
            .eq(keeper.tenant.to_string())
            .and(rejected_request::Column::SourceId.eq(source.to_string()))
            .and(rejected_request::Column::Id.lt(until.to_string()));
        let found = rejected_request::Entity::find().filter(is_old.clone()).one(self.reader()).await?;
        if found.is_none() {
            return Ok(0);
        }
        let is_old = &is_old;
        // There are a hundred of a source at most.
        let write = |txn: Txn| async move {
            let delete = rejected_request::Entity::delete_many().filter(is_old.clone());
            Ok(delete.exec(txn.as_ref()).await?.rows_affected)
        };
        self.write_txn(Lane::Other, "retention.refused", write).await
    }

    /// The pass that is under way, or one that begins where the last one ended.
    async fn pass(&self, keeper: Keeper, part: &str, pass: Option<Pass>) -> Result<Pass, StoreError> {
        if let Some(pass) = pass {
            return Ok(pass);
        }
        let key = (keeper.tenant.to_string(), part.to_owned());
        let row = retention_progress::Entity::find_by_id(key).one(self.reader()).await?;
        Ok(Pass { after: row.map(|row| row.place).unwrap_or_default(), waits: None })
    }
}

/// What is still to be processed.
pub(super) const WAITING: [Fate; 2] = [Fate::Held, Fate::Parked];

fn is_waiting(fate: &str) -> bool {
    WAITING.iter().any(|waiting| waiting.code() == fate)
}

/// Those of these messages that have their bodies. On Postgres they are as they are found until the end of the transaction.
pub(crate) async fn with_bodies(
    txn: &DatabaseTransaction,
    tenant: TenantId,
    messages: impl IntoIterator<Item = impl Into<sea_orm::Value>>,
) -> Result<Vec<String>, StoreError> {
    let rows = message::Entity::find()
        .select_only()
        .column(message::Column::Id)
        .filter(message::Column::TenantId.eq(tenant.to_string()))
        .filter(message::Column::Id.is_in(messages))
        .filter(message::Column::Headers.ne(REMOVED))
        .order_by_asc(message::Column::Id)
        .lock_exclusive();
    Ok(rows.into_tuple().all(txn).await?)
}

/// Those of these messages that are in the held lane: what is processed again is there too, and keeps its fate.
pub(super) async fn held_among(
    txn: &DatabaseTransaction,
    tenant: TenantId,
    messages: impl IntoIterator<Item = &String>,
) -> Result<HashSet<String>, StoreError> {
    let rows: Vec<String> = held_message::Entity::find()
        .select_only()
        .column(held_message::Column::MessageId)
        .filter(held_message::Column::TenantId.eq(tenant.to_string()))
        .filter(held_message::Column::MessageId.is_in(messages))
        .into_tuple()
        .all(txn)
        .await?;
    Ok(rows.into_iter().collect())
}

async fn put_place(
    txn: &DatabaseTransaction,
    tenant: TenantId,
    part: &str,
    place: &str,
) -> Result<(), StoreError> {
    let row = retention_progress::Model {
        tenant_id: tenant.to_string(),
        part: part.to_owned(),
        place: place.to_owned(),
    };
    bulk_insert::<retention_progress::Entity>(txn, vec![row], OnConflict::Replace).await.map(|_| ())
}

/// Sees to it that the answers of late attempts are removed too: those of messages that are so old that a round may have
/// passed them.
pub(crate) async fn look_again(
    txn: &DatabaseTransaction,
    tenant: TenantId,
    attempts: impl Iterator<Item = &AttemptRecord>,
) -> Result<(), StoreError> {
    const BACK: Sql = Sql {
        sqlite: "UPDATE retention_progress SET place = ?3 WHERE tenant_id = ?1 AND part = ?2 AND place > ?3",
        postgres: "UPDATE retention_progress SET place = $3 WHERE tenant_id = $1 AND part = $2 AND place > $3",
    };
    let is_late =
        |attempt: &&AttemptRecord| first_id(attempt.started_at.minus(days(1))) > attempt.delivery.message();
    let Some(first) = attempts.filter(is_late).map(|attempt| attempt.delivery.message()).min() else {
        return Ok(());
    };
    let before = DeliveryId::range(MessageId::from_bits(first.bits().saturating_sub(1))).1;
    let values = [tenant.to_string().into(), ANSWERS.into(), before.to_string().into()];
    BACK.execute(txn, values).await.map(|_| ())
}
