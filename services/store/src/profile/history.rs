//! Which profiles became one, and which joins were refused.

use std::collections::BTreeSet;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use tributary_domain::{
    id::{ConflictId, EventId, ProfileId},
    time::Timestamp,
};

use crate::{
    LARGEST_PAGE, Page, Paged, StoreError, TenantScope,
    column::{id, number},
    entity::{conflict, merge},
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
    /// Whether somebody decided it: `OPEN` until then.
    pub state: String,
}

impl TenantScope<'_> {
    /// The tenant's conflicts by their ids: an order that stays while they are met again, and says nothing of time.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn conflicts(
        &self,
        page: Page<ConflictId>,
    ) -> Result<Paged<ConflictRecord, ConflictId>, StoreError> {
        let mut query = conflict::Entity::find().filter(conflict::Column::TenantId.eq(self.key()));
        if let Some(before) = page.after {
            query = query.filter(conflict::Column::Id.lt(before.to_string()));
        }
        let query = query.order_by_desc(conflict::Column::Id).limit(page.rows());
        page.fill(query.all(&self.reader()).await?, ConflictRecord::try_from, |record| record.id)
    }

    /// The profiles that became part of this one, oldest first, however many merges lie between; at most
    /// [`LARGEST_PAGE`] per step.
    pub(crate) async fn aliases(&self, profile: ProfileId) -> Result<Vec<ProfileId>, StoreError> {
        let mut found = BTreeSet::new();
        let mut winners = vec![profile];
        while !winners.is_empty() && found.len() < LARGEST_PAGE as usize {
            let losers = self.merged_into(&winners).await?;
            winners = losers.into_iter().filter(|loser| found.insert(*loser)).collect();
        }
        found.remove(&profile);
        Ok(found.into_iter().collect())
    }

    async fn merged_into(&self, winners: &[ProfileId]) -> Result<Vec<ProfileId>, StoreError> {
        let losers: Vec<String> = merge::Entity::find()
            .select_only()
            .column(merge::Column::LoserId)
            .filter(merge::Column::TenantId.eq(self.key()))
            .filter(merge::Column::WinnerId.is_in(winners.iter().map(ProfileId::to_string)))
            .order_by_desc(merge::Column::Seq)
            .limit(u64::from(LARGEST_PAGE))
            .into_tuple()
            .all(&self.reader())
            .await?;
        losers.iter().map(|loser| id(loser, "merges.loser_id")).collect()
    }
}

impl TryFrom<conflict::Model> for ConflictRecord {
    type Error = StoreError;

    fn try_from(row: conflict::Model) -> Result<Self, StoreError> {
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
            state: row.state,
        })
    }
}
