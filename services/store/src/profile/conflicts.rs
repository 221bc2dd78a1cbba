//! Joins that were refused, and what became of them.

use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};
use tributary_domain::{
    id::{ConflictId, EventId, ProfileId},
    identity::{ConflictState, PairId},
    time::Timestamp,
};

use crate::{
    Page, Paged, StoreError, TenantScope,
    column::{id, number, optional_id},
    entity::conflict,
};

/// A join that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConflictRecord {
    /// Its id.
    pub id: ConflictId,
    /// The rule that refused it.
    pub rule: String,
    /// The type of the identifier that would have joined them.
    pub kind: String,
    /// Its value.
    pub value: String,
    /// One of the two profiles, as it was then.
    pub profile: ProfileId,
    /// The other; the same one where a value found no room on it.
    pub other: ProfileId,
    /// The first event that met it.
    pub event: EventId,
    /// When it was met first.
    pub first_at: Timestamp,
    /// When it was met last.
    pub last_at: Timestamp,
    /// How often it was met.
    pub count: u64,
    /// How far it is.
    pub state: ConflictState,
    /// When somebody decided it.
    pub decided_at: Option<Timestamp>,
    /// Who decided it.
    pub decided_by: Option<String>,
    /// The never-join pair that closed it.
    pub pair: Option<PairId>,
    /// The revision of the tenant's settings by which it was refused last, where that was kept.
    pub config_rev: Option<u64>,
    /// The version of the rules by which it was refused last.
    pub rules_version: Option<u32>,
}

impl TenantScope<'_> {
    /// The conflict with this id.
    ///
    /// # Errors
    /// When the tenant has none.
    pub async fn conflict(&self, conflict: ConflictId) -> Result<ConflictRecord, StoreError> {
        let query = conflict::Entity::find_by_id((self.key(), conflict.to_string()));
        query.one(&self.reader()).await?.ok_or_else(|| StoreError::not_found("conflict"))?.try_into()
    }

    /// The tenant's conflicts by their ids: an order that stays while they are met again, and says nothing of time. With
    /// `state`, those that are so far.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn conflicts(
        &self,
        state: Option<ConflictState>,
        page: Page<ConflictId>,
    ) -> Result<Paged<ConflictRecord, ConflictId>, StoreError> {
        let mut query = conflict::Entity::find().filter(conflict::Column::TenantId.eq(self.key()));
        if let Some(state) = state {
            query = query.filter(conflict::Column::State.eq(state.as_str()));
        }
        self.page_of_conflicts(query, page).await
    }

    /// The conflicts that one of these profiles has part in, in the same order.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn conflicts_of(
        &self,
        people: &[ProfileId],
        page: Page<ConflictId>,
    ) -> Result<Paged<ConflictRecord, ConflictId>, StoreError> {
        let these = || people.iter().map(ProfileId::to_string);
        let query = conflict::Entity::find().filter(conflict::Column::TenantId.eq(self.key())).filter(
            Condition::any()
                .add(conflict::Column::ProfileId.is_in(these()))
                .add(conflict::Column::OtherProfileId.is_in(these())),
        );
        self.page_of_conflicts(query, page).await
    }

    async fn page_of_conflicts(
        &self,
        mut query: Select<conflict::Entity>,
        page: Page<ConflictId>,
    ) -> Result<Paged<ConflictRecord, ConflictId>, StoreError> {
        if let Some(before) = page.after {
            query = query.filter(conflict::Column::Id.lt(before.to_string()));
        }
        let query = query.order_by_desc(conflict::Column::Id).limit(page.rows());
        page.fill(query.all(&self.reader()).await?, ConflictRecord::try_from, |record| record.id)
    }
}

impl TryFrom<conflict::Model> for ConflictRecord {
    type Error = StoreError;

    fn try_from(row: conflict::Model) -> Result<Self, StoreError> {
        let side = |text: Option<&str>| optional_id(text, "conflicts.pair");
        let sides = (side(row.pair_left.as_deref())?, side(row.pair_right.as_deref())?);
        let pair = sides.0.zip(sides.1).map(|(left, right)| PairId { left, right });
        Ok(Self {
            id: id(&row.id, "conflicts.id")?,
            rule: row.rule,
            kind: row.kind,
            value: row.value,
            profile: id(&row.profile_id, "conflicts.profile_id")?,
            other: id(&row.other_profile_id, "conflicts.other_profile_id")?,
            event: id(&row.event_id, "conflicts.event_id")?,
            first_at: Timestamp::from_micros(row.first_at),
            last_at: Timestamp::from_micros(row.last_at),
            count: number(row.count, "conflicts.count")?,
            state: ConflictState::parse(&row.state).ok_or_else(|| StoreError::corrupt("conflicts.state"))?,
            decided_at: row.decided_at.map(Timestamp::from_micros),
            decided_by: row.decided_by,
            pair,
            config_rev: row.config_rev.map(i64::cast_unsigned),
            rules_version: row.rules_version.map(i32::cast_unsigned),
        })
    }
}
