//! Values that are no evidence.

use std::fmt;

use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use tributary_domain::{
    id::{BlockId, EventId},
    time::Timestamp,
};

use crate::{
    Page, Paged, StoreError, TenantScope,
    column::{codes, id, number, optional_id},
    entity::blocked_identifier,
};

codes! {
    /// Why a value is no evidence.
    BlockReason {
        /// A person blocked it.
        Person = "PERSON",
        /// It met too many people.
        Guard = "GUARD",
    }
}

/// A value that is no evidence.
#[derive(Clone, PartialEq, Eq)]
pub struct BlockRecord {
    /// Its id.
    pub id: BlockId,
    /// The type of the identifier.
    pub kind: String,
    /// The normalised value.
    pub value: String,
    /// Why.
    pub reason: BlockReason,
    /// How many people it met, where that is why.
    pub people: u32,
    /// Who blocked it.
    pub actor: Option<String>,
    /// The event that was one too many.
    pub event: Option<EventId>,
    /// Since when: when a person said so, or that event's message was accepted.
    pub at: Timestamp,
}

impl fmt::Debug for BlockRecord {
    /// Without the value: it may be personal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockRecord")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}

impl TenantScope<'_> {
    /// The blocked value with this id.
    ///
    /// # Errors
    /// When the tenant has none.
    pub async fn blocked_identifier(&self, block: BlockId) -> Result<BlockRecord, StoreError> {
        self.blocked(Condition::all().add(blocked_identifier::Column::Id.eq(block.to_string()))).await
    }

    /// What is known of this value as one that is no evidence.
    ///
    /// # Errors
    /// When it is not blocked.
    pub async fn blocked_value(&self, kind: &str, value: &str) -> Result<BlockRecord, StoreError> {
        let is_it = Condition::all()
            .add(blocked_identifier::Column::Kind.eq(kind))
            .add(blocked_identifier::Column::Value.eq(value));
        self.blocked(is_it).await
    }

    async fn blocked(&self, which: Condition) -> Result<BlockRecord, StoreError> {
        let row = blocked_identifier::Entity::find()
            .filter(blocked_identifier::Column::TenantId.eq(self.key()))
            .filter(which)
            .one(&self.reader())
            .await?;
        row.ok_or_else(|| StoreError::not_found("blocked identifier"))?.try_into()
    }

    /// The values that are no evidence in the tenant, the newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn blocked_identifiers(
        &self,
        page: Page<BlockId>,
    ) -> Result<Paged<BlockRecord, BlockId>, StoreError> {
        let mut query =
            blocked_identifier::Entity::find().filter(blocked_identifier::Column::TenantId.eq(self.key()));
        if let Some(before) = page.after {
            query = query.filter(blocked_identifier::Column::Id.lt(before.to_string()));
        }
        let query = query.order_by_desc(blocked_identifier::Column::Id).limit(page.rows());
        page.fill(query.all(&self.reader()).await?, BlockRecord::try_from, |record| record.id)
    }
}

impl TryFrom<blocked_identifier::Model> for BlockRecord {
    type Error = StoreError;

    fn try_from(row: blocked_identifier::Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: id(&row.id, "blocked_identifiers.id")?,
            kind: row.kind,
            value: row.value,
            reason: BlockReason::from_code(&row.reason)
                .ok_or_else(|| StoreError::corrupt("blocked_identifiers.reason"))?,
            people: number(row.people, "blocked_identifiers.people")?,
            actor: row.actor,
            event: optional_id(row.event_id.as_deref(), "blocked_identifiers.event_id")?,
            at: Timestamp::from_micros(row.at),
        })
    }
}
