//! Requests that came to a source's door and were not accepted: the newest are kept, all are counted.

use std::collections::BTreeSet;

use sea_orm::{
    ColumnTrait, DatabaseTransaction, EntityTrait, ExprTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait,
    sea_query::{Expr, OnConflict as Upsert},
};
use tributary_domain::{
    id::{RejectionId, SourceId, TenantId},
    stats::Metric,
    time::Timestamp,
};

use crate::{
    LARGEST_PAGE, Lane, Page, Paged, Store, StoreError, TenantScope,
    bulk::{OnConflict, bulk_insert},
    column::{id, json, number, to_big, to_json},
    entity::{rejected_count, rejected_request},
    stats::Tally,
    txn::Txn,
};

/// How many refused requests of a source are kept.
pub const KEPT_REJECTIONS: u32 = 100;

/// The reason under which scripts of a tag's owner are kept that failed in browsers; what they came with was not refused.
pub const SCRIPT_FAILED: &str = "SCRIPT_FAILED";

/// A request that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectionRecord {
    /// Its id.
    pub id: RejectionId,
    /// Whose door it was.
    pub tenant: TenantId,
    /// Which source's.
    pub source: SourceId,
    /// When.
    pub at: Timestamp,
    /// The stable code of the reason.
    pub reason: String,
    /// What was wrong.
    pub detail: String,
    /// What was answered.
    pub http_status: u16,
    /// The headers that are kept.
    pub headers: Vec<(String, String)>,
    /// The beginning of the body.
    pub body: Vec<u8>,
}

/// How many requests of a source were refused for a reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectionCount {
    /// Whose door it was.
    pub tenant: TenantId,
    /// Which source's.
    pub source: SourceId,
    /// The stable code of the reason.
    pub reason: String,
    /// How many.
    pub count: u64,
}

impl Store {
    /// Keeps refused requests of any sources, and adds to their counts, which may be of more requests than are kept; each
    /// count says when they came. The newest [`KEPT_REJECTIONS`] of each source stay.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn record_rejections(
        &self,
        requests: &[RejectionRecord],
        counts: &[(RejectionCount, Timestamp)],
    ) -> Result<(), StoreError> {
        let rows = requests.iter().map(RejectionRecord::row).collect::<Result<Vec<_>, _>>()?;
        let sources: BTreeSet<SourceId> = requests.iter().map(|request| request.source).collect();
        let (rows, sources) = (&rows, &sources);
        let write = |txn: Txn| async move {
            let txn = txn.as_ref();
            bulk_insert::<rejected_request::Entity>(txn, rows.clone(), OnConflict::Ignore).await?;
            for source in sources {
                prune(txn, *source).await?;
            }
            let mut tally = Tally::default();
            for (count, at) in counts {
                add(txn, count).await?;
                if count.reason == SCRIPT_FAILED {
                    continue;
                }
                tally.add(*at, count.tenant, count.source, Metric::Refused, count.count);
            }
            tally.write(txn).await
        };
        self.write_txn(Lane::Other, "rejections", write).await
    }
}

/// Deletes all but the newest of a source's.
async fn prune(txn: &DatabaseTransaction, source: SourceId) -> Result<(), StoreError> {
    let oldest_kept = rejected_request::Entity::find()
        .select_only()
        .column(rejected_request::Column::Id)
        .filter(rejected_request::Column::SourceId.eq(source.to_string()))
        .order_by_desc(rejected_request::Column::Id)
        .offset(u64::from(KEPT_REJECTIONS) - 1)
        .limit(1)
        .into_query();
    // Where there are fewer, the subquery is null, and nothing is less than that.
    rejected_request::Entity::delete_many()
        .filter(rejected_request::Column::SourceId.eq(source.to_string()))
        .filter(Expr::col(rejected_request::Column::Id).lt(Expr::from(oldest_kept)))
        .exec(txn)
        .await?;
    Ok(())
}

async fn add(txn: &DatabaseTransaction, count: &RejectionCount) -> Result<(), StoreError> {
    let row = rejected_count::Model {
        tenant_id: count.tenant.to_string(),
        source_id: count.source.to_string(),
        reason: count.reason.clone(),
        count: to_big(count.count),
    };
    let sum = Expr::col((rejected_count::Entity, rejected_count::Column::Count)).add(row.count);
    let upsert = Upsert::columns([rejected_count::Column::SourceId, rejected_count::Column::Reason])
        .value(rejected_count::Column::Count, sum)
        .to_owned();
    rejected_count::Entity::insert(row.into_active_model())
        .on_conflict(upsert)
        .exec_without_returning(txn)
        .await?;
    Ok(())
}

impl TenantScope<'_> {
    /// The refused requests of these sources that are kept, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn rejections(
        &self,
        sources: &[SourceId],
        page: Page<RejectionId>,
    ) -> Result<Paged<RejectionRecord, RejectionId>, StoreError> {
        let mut query = rejected_request::Entity::find()
            .filter(rejected_request::Column::TenantId.eq(self.key()))
            .filter(rejected_request::Column::SourceId.is_in(sources.iter().map(SourceId::to_string)));
        if let Some(before) = page.after {
            query = query.filter(rejected_request::Column::Id.lt(before.to_string()));
        }
        let query = query.order_by_desc(rejected_request::Column::Id).limit(page.rows());
        page.fill(query.all(&self.reader()).await?, RejectionRecord::try_from, |record| record.id)
    }

    /// How many requests of these sources were ever refused, by reason, in the order of the reasons' codes.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn rejection_counts(&self, sources: &[SourceId]) -> Result<Vec<(String, u64)>, StoreError> {
        let rows: Vec<(String, i64)> = rejected_count::Entity::find()
            .select_only()
            .column(rejected_count::Column::Reason)
            // Postgres adds up to a type of its own.
            .expr_as(Expr::cust("CAST(sum(rejected_counts.count) AS bigint)"), "sum")
            .filter(rejected_count::Column::TenantId.eq(self.key()))
            .filter(rejected_count::Column::SourceId.is_in(sources.iter().map(SourceId::to_string)))
            .group_by(rejected_count::Column::Reason)
            .order_by_asc(rejected_count::Column::Reason)
            .limit(u64::from(LARGEST_PAGE))
            .into_tuple()
            .all(&self.reader())
            .await?;
        let count = |(reason, count)| Ok((reason, number(count, "rejected_counts.count")?));
        rows.into_iter().map(count).collect()
    }
}

impl RejectionRecord {
    fn row(&self) -> Result<rejected_request::Model, StoreError> {
        Ok(rejected_request::Model {
            id: self.id.to_string(),
            tenant_id: self.tenant.to_string(),
            source_id: self.source.to_string(),
            at: self.at.micros(),
            reason: self.reason.clone(),
            detail: self.detail.clone(),
            http_status: i32::from(self.http_status),
            headers: to_json(&self.headers)?,
            body: self.body.clone(),
        })
    }
}

impl TryFrom<rejected_request::Model> for RejectionRecord {
    type Error = StoreError;

    fn try_from(row: rejected_request::Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: id(&row.id, "rejected_requests.id")?,
            tenant: id(&row.tenant_id, "rejected_requests.tenant_id")?,
            source: id(&row.source_id, "rejected_requests.source_id")?,
            at: Timestamp::from_micros(row.at),
            reason: row.reason,
            detail: row.detail,
            http_status: number(row.http_status, "rejected_requests.http_status")?,
            headers: json(&row.headers, "rejected_requests.headers")?,
            body: row.body,
        })
    }
}
