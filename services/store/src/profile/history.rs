//! How profiles became one, and which joins were refused.

use std::collections::BTreeSet;

use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use tributary_domain::{
    id::{ConflictId, EventId, ProfileId},
    time::Timestamp,
};

use crate::{
    LARGEST_PAGE, Page, Paged, StoreError, TenantScope,
    column::{id, number},
    entity::{conflict, merge, never_join},
};

/// Two profiles that became one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergeRecord {
    /// The one that became an alias.
    pub loser: ProfileId,
    /// The one that stayed.
    pub winner: ProfileId,
    /// The place in the journal of the message that did it.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// By which event.
    pub event: EventId,
    /// The type of the identifier that joined them.
    pub kind: String,
    /// Its value.
    pub value: String,
}

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
    /// The merges that made this profile what it is, newest first; at most [`LARGEST_PAGE`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn merges(&self, profile: ProfileId) -> Result<Vec<MergeRecord>, StoreError> {
        let mut winners = self.aliases(profile).await?;
        winners.push(profile);
        let mut merges = self.merges_into(&winners).await?;
        merges.sort_by_key(|merge| std::cmp::Reverse(merge.seq));
        merges.truncate(LARGEST_PAGE as usize);
        Ok(merges)
    }

    /// The joins with this profile or one of its aliases that were refused, newest first; at most [`LARGEST_PAGE`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn profile_conflicts(&self, profile: ProfileId) -> Result<Vec<ConflictRecord>, StoreError> {
        let mut sides: Vec<String> = self.aliases(profile).await?.iter().map(ProfileId::to_string).collect();
        sides.push(profile.to_string());
        let either = Condition::any()
            .add(conflict::Column::ProfileId.is_in(sides.clone()))
            .add(conflict::Column::OtherProfileId.is_in(sides));
        let rows = conflict::Entity::find()
            .filter(conflict::Column::TenantId.eq(self.key()))
            .filter(either)
            .order_by_desc(conflict::Column::Id)
            .limit(u64::from(LARGEST_PAGE))
            .all(self.store().reader())
            .await?;
        rows.into_iter().map(ConflictRecord::try_from).collect()
    }

    /// The profiles that the same evidence must not join with this one again; at most [`LARGEST_PAGE`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn never_joined(&self, profile: ProfileId) -> Result<Vec<ProfileId>, StoreError> {
        let this = profile.to_string();
        let either = Condition::any()
            .add(never_join::Column::LeftId.eq(this.as_str()))
            .add(never_join::Column::RightId.eq(this.as_str()));
        let rows = never_join::Entity::find()
            .filter(never_join::Column::TenantId.eq(self.key()))
            .filter(either)
            .limit(u64::from(LARGEST_PAGE))
            .all(self.store().reader())
            .await?;
        let other = |row: never_join::Model| if row.left_id == this { row.right_id } else { row.left_id };
        rows.into_iter().map(|row| id(&other(row), "never_join.left_id or right_id")).collect()
    }

    /// The tenant's conflicts, newest first.
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
        page.fill(query.all(self.store().reader()).await?, ConflictRecord::try_from, |record| record.id)
    }

    /// The profiles that became part of this one, oldest first, however many merges lie between; at most
    /// [`LARGEST_PAGE`] per step.
    pub(super) async fn aliases(&self, profile: ProfileId) -> Result<Vec<ProfileId>, StoreError> {
        let mut found = BTreeSet::new();
        let mut winners = vec![profile];
        while !winners.is_empty() && found.len() < LARGEST_PAGE as usize {
            let losers = self.merges_into(&winners).await?;
            winners = losers.iter().map(|merge| merge.loser).filter(|loser| found.insert(*loser)).collect();
        }
        found.remove(&profile);
        Ok(found.into_iter().collect())
    }

    async fn merges_into(&self, winners: &[ProfileId]) -> Result<Vec<MergeRecord>, StoreError> {
        let rows = merge::Entity::find()
            .filter(merge::Column::TenantId.eq(self.key()))
            .filter(merge::Column::WinnerId.is_in(winners.iter().map(ProfileId::to_string)))
            .order_by_desc(merge::Column::Seq)
            .limit(u64::from(LARGEST_PAGE))
            .all(self.store().reader())
            .await?;
        rows.into_iter().map(MergeRecord::try_from).collect()
    }
}

impl TryFrom<merge::Model> for MergeRecord {
    type Error = StoreError;

    fn try_from(row: merge::Model) -> Result<Self, StoreError> {
        Ok(Self {
            loser: id(&row.loser_id, "merges.loser_id")?,
            winner: id(&row.winner_id, "merges.winner_id")?,
            seq: number(row.seq, "merges.seq")?,
            at: Timestamp::from_micros(row.at),
            event: id(&row.event_id, "merges.event_id")?,
            kind: row.kind,
            value: row.value,
        })
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
