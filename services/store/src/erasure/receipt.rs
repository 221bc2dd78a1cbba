//! Which destination was told of a person who was erased: so that whoever answers for that can go there.

use sea_orm::{
    ColumnTrait, DatabaseTransaction, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect,
    Statement,
};
use tributary_domain::{
    id::{DeliveryId, DestinationId, OperationId},
    time::Timestamp,
    workflow::catalogue,
};

use super::ErasureRecord;
use crate::{
    Page, Paged, StoreError, TenantScope,
    bulk::{OnConflict, bulk_insert},
    column::{id, number},
    delivery::DeliveryState,
    entity::{delivery, disclosure},
};

/// A destination was told of an event of the person, or may have been.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisclosureRecord {
    /// The delivery by which it was.
    pub delivery: DeliveryId,
    /// The destination.
    pub destination: DestinationId,
    /// The name of the event; empty where it is no standard one, and may be of what the person sent.
    pub event_name: String,
    /// Whether the destination took it; of one that was given up it is not known what the destination kept.
    pub state: DeliveryState,
    /// How many attempts were made.
    pub attempts: u32,
    /// When the last attempt began; none where that is not known any more.
    pub told_at: Option<Timestamp>,
}

#[derive(FromQueryResult)]
struct LastRow {
    started_at: Option<i64>,
}

/// Notes what was tried of these deliveries, which are of an event of this name. The receipt outlives the person: of the
/// names, which may be mapped from messages, it keeps only those that are standard.
pub(super) async fn note(
    txn: &DatabaseTransaction,
    erasure: &ErasureRecord,
    event_name: &str,
    deliveries: &[delivery::Model],
) -> Result<(), StoreError> {
    const LAST: &str = "SELECT max(started_at) AS started_at FROM delivery_attempts \
        WHERE tenant_id = $1 AND delivery_id = $2";
    let event_name = catalogue::event_named(event_name).map_or("", |standard| standard.name);
    let mut rows = Vec::new();
    for tried in deliveries {
        let values = [tried.tenant_id.as_str().into(), tried.id.as_str().into()];
        let statement =
            Statement::from_sql_and_values(sea_orm::ConnectionTrait::get_database_backend(txn), LAST, values);
        let last = LastRow::find_by_statement(statement).one(txn).await?.and_then(|last| last.started_at);
        // An attempt that ended after the delivery was given up is not counted with it.
        if tried.attempts == 0 && last.is_none() {
            continue;
        }
        rows.push(disclosure::Model {
            tenant_id: tried.tenant_id.clone(),
            operation_id: erasure.operation.to_string(),
            delivery_id: tried.id.clone(),
            destination_id: tried.destination_id.clone(),
            event_name: event_name.to_owned(),
            state: tried.state.clone(),
            attempts: tried.attempts,
            told_at: last.or(tried.completed_at),
        });
    }
    bulk_insert::<disclosure::Entity>(txn, rows, OnConflict::Replace).await.map(|_| ())
}

impl TenantScope<'_> {
    /// What destinations were told of a person who was erased by this operation, by the ids of the deliveries, which begin
    /// with the time of their messages.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn disclosures(
        &self,
        operation: OperationId,
        page: Page<DeliveryId>,
    ) -> Result<Paged<DisclosureRecord, DeliveryId>, StoreError> {
        let mut query = disclosure::Entity::find()
            .filter(disclosure::Column::TenantId.eq(self.key()))
            .filter(disclosure::Column::OperationId.eq(operation.to_string()));
        if let Some(after) = page.after {
            query = query.filter(disclosure::Column::DeliveryId.gt(after.to_string()));
        }
        let query = query.order_by_asc(disclosure::Column::DeliveryId).limit(page.rows());
        page.fill(query.all(&self.reader()).await?, DisclosureRecord::try_from, |record| record.delivery)
    }
}

impl TryFrom<disclosure::Model> for DisclosureRecord {
    type Error = StoreError;

    fn try_from(row: disclosure::Model) -> Result<Self, StoreError> {
        Ok(Self {
            delivery: id(&row.delivery_id, "disclosures.delivery_id")?,
            destination: id(&row.destination_id, "disclosures.destination_id")?,
            event_name: row.event_name,
            state: DeliveryState::from_code(&row.state)
                .ok_or_else(|| StoreError::corrupt("disclosures.state"))?,
            attempts: number(row.attempts, "disclosures.attempts")?,
            told_at: row.told_at.map(Timestamp::from_micros),
        })
    }
}
