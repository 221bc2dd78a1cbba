//! Held messages: they wait beside the partition while their tenant is suspended, over its quota or failing. The
//! ledger holds and drains them, in order.

use std::{collections::HashSet, fmt};

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Statement,
};
use tributary_domain::{
    id::{MessageId, SourceId, TenantId},
    quota::Month,
    time::Timestamp,
};

use crate::{
    Page, Paged, Store, StoreError, TenantScope,
    column::{id, number, to_big, to_json},
    entity::held_message,
};

/// A held message.
#[derive(Clone, PartialEq, Eq)]
pub struct HeldRecord {
    /// Its place in the tenant's queue.
    pub position: u64,
    /// Its place in the order of acceptance.
    pub seq: u64,
    /// The message's id.
    pub message: MessageId,
    /// Where it came from.
    pub source: SourceId,
    /// The stable code of the reason.
    pub reason: String,
    /// Since when.
    pub held_at: Timestamp,
    /// The message as the journal had it.
    pub record: Vec<u8>,
}

impl fmt::Debug for HeldRecord {
    /// Without the message itself: it is a person's data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeldRecord")
            .field("message", &self.message)
            .field("seq", &self.seq)
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}

impl TenantScope<'_> {
    /// The message with this id, if it is held; a message is held once at a time.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn held_message(&self, message: MessageId) -> Result<Option<HeldRecord>, StoreError> {
        let query = held_message::Entity::find()
            .filter(held_message::Column::TenantId.eq(self.key()))
            .filter(held_message::Column::MessageId.eq(message.to_string()))
            .limit(1);
        query.one(&self.reader()).await?.map(HeldRecord::try_from).transpose()
    }

    /// The tenant's held messages, those that are next first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn held_messages(&self, page: Page<u64>) -> Result<Paged<HeldRecord, u64>, StoreError> {
        let mut query = held_message::Entity::find().filter(held_message::Column::TenantId.eq(self.key()));
        if let Some(after) = page.after {
            query = query.filter(held_message::Column::Position.gt(to_big(after)));
        }
        let query = query.order_by_asc(held_message::Column::Position).limit(page.rows());
        page.fill(query.all(&self.reader()).await?, HeldRecord::try_from, |record| record.position)
    }
}

impl Store {
    /// Which of these tenants' messages are held `now`, because the tenant is suspended, deleted or over its month. One
    /// that is not there any more is not among them. This reads across tenants, once for all: the ledger asks after
    /// every batch, and many tenants may wait for the month to turn.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn still_held(
        &self,
        tenants: &HashSet<TenantId>,
        now: Timestamp,
    ) -> Result<HashSet<TenantId>, StoreError> {
        const SQLITE: &str = "SELECT t.id FROM json_each(?1) k CROSS JOIN tenants t ON t.id = k.value \
            LEFT JOIN tenant_quotas q ON q.tenant_id = t.id AND q.monthly_messages > 0 \
            LEFT JOIN tenant_usage u ON q.tenant_id IS NOT NULL AND u.month = ?2 AND u.tenant_id = t.id \
            WHERE t.deleted_at IS NOT NULL OR t.state = 'SUSPENDED' OR u.messages >= q.monthly_messages";
        const POSTGRES: &str = "SELECT t.id FROM jsonb_array_elements_text($1::jsonb) k(value) \
            JOIN tenants t ON t.id = k.value \
            LEFT JOIN tenant_quotas q ON q.tenant_id = t.id AND q.monthly_messages > 0 \
            LEFT JOIN tenant_usage u ON q.tenant_id IS NOT NULL AND u.month = $2 AND u.tenant_id = t.id \
            WHERE t.deleted_at IS NOT NULL OR t.state = 'SUSPENDED' OR u.messages >= q.monthly_messages";
        if tenants.is_empty() {
            return Ok(HashSet::new());
        }
        let sql = if self.backend() == DbBackend::Sqlite { SQLITE } else { POSTGRES };
        let values = [to_json(tenants)?.into(), Month::of(now).number().into()];
        let statement = Statement::from_sql_and_values(self.backend(), sql, values);
        let rows = self.reader().query_all_raw(statement).await?;
        rows.iter().map(|row| id(&row.try_get_by_index::<String>(0)?, "tenants.id")).collect()
    }
}

impl TryFrom<held_message::Model> for HeldRecord {
    type Error = StoreError;

    fn try_from(row: held_message::Model) -> Result<Self, StoreError> {
        Ok(Self {
            position: number(row.position, "held_messages.position")?,
            seq: number(row.seq, "held_messages.seq")?,
            message: id(&row.message_id, "held_messages.message_id")?,
            source: id(&row.source_id, "held_messages.source_id")?,
            reason: row.reason,
            held_at: Timestamp::from_micros(row.held_at),
            record: row.record,
        })
    }
}
