//! Which profiles became one, why, and what was taken back.

use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};
use tributary_domain::{
    id::{ConflictId, EventId, MergeId, ProfileId},
    time::Timestamp,
};

use crate::{
    LARGEST_PAGE, Page, Paged, StoreError, TenantScope,
    column::{id, number, optional_id},
    entity::{merge, profile},
};

/// Two profiles that became one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergeRecord {
    /// Its id.
    pub id: MergeId,
    /// The profile that stayed.
    pub winner: ProfileId,
    /// The profile that became an alias of it.
    pub loser: ProfileId,
    /// What it ties: the part of one that the event's strongest identifier is attached to.
    pub left: ProfileId,
    /// The part of the other that the identifier is attached to that showed it.
    pub right: ProfileId,
    /// The type of the identifier that showed that they are one.
    pub kind: String,
    /// Its value.
    pub value: String,
    /// The event that showed it; of a conflict that was accepted, the first that was refused.
    pub event: EventId,
    /// The place in the order of the log.
    pub seq: u64,
    /// When it was made: when the event's message was accepted, or a person decided.
    pub at: Timestamp,
    /// The conflict whose acceptance made it.
    pub conflict: Option<ConflictId>,
    /// Who accepted that.
    pub actor: Option<String>,
    /// The revision of the tenant's settings by which it was made, where that was kept.
    pub config_rev: Option<u64>,
    /// The version of the rules by which it was made.
    pub rules_version: Option<u32>,
    /// Whether it can be undone: whether it was kept what belonged to each side.
    pub is_exact: bool,
    /// When it was taken back.
    pub undone_at: Option<Timestamp>,
    /// Who took it back.
    pub undone_by: Option<String>,
}

impl TenantScope<'_> {
    /// The merge with this id.
    ///
    /// # Errors
    /// When the tenant has none.
    pub async fn merge(&self, merge: MergeId) -> Result<MergeRecord, StoreError> {
        let query = merge::Entity::find_by_id((self.key(), merge.to_string()));
        query.one(&self.reader()).await?.ok_or_else(|| StoreError::not_found("merge"))?.try_into()
    }

    /// The tenant's merges, or those of one person: of `profile`, of what it was merged into, and of all that is part of
    /// that. The newest first, by the message that showed each.
    ///
    /// # Errors
    /// When the tenant has no such profile, or the database fails.
    pub async fn merges(
        &self,
        profile: Option<ProfileId>,
        page: Page<MergeId>,
    ) -> Result<Paged<MergeRecord, MergeId>, StoreError> {
        let mut query = match profile {
            Some(profile) => self.merges_of(&self.person(profile).await?),
            None => merge::Entity::find().filter(merge::Column::TenantId.eq(self.key())),
        };
        if let Some(before) = page.after {
            query = query.filter(merge::Column::Id.lt(before.to_string()));
        }
        let query = query.order_by_desc(merge::Column::Id).limit(page.rows());
        page.fill(query.all(&self.reader()).await?, MergeRecord::try_from, |record| record.id)
    }

    /// The merges that tie or tied one of these profiles.
    pub(super) fn merges_of(&self, parts: &[ProfileId]) -> Select<merge::Entity> {
        let these = || parts.iter().map(ProfileId::to_string);
        merge::Entity::find().filter(merge::Column::TenantId.eq(self.key())).filter(
            Condition::any()
                .add(merge::Column::LeftId.is_in(these()))
                .add(merge::Column::RightId.is_in(these())),
        )
    }

    /// The live profile that this one is, or is an alias of, and its aliases.
    pub(crate) async fn person(&self, profile: ProfileId) -> Result<Vec<ProfileId>, StoreError> {
        let live = id(&self.live_profile(profile).await?.id, "profiles.id")?;
        let mut person = self.aliases(live).await?;
        person.push(live);
        Ok(person)
    }

    /// The profiles that are part of this live one, oldest first; at most [`LARGEST_PAGE`].
    pub(crate) async fn aliases(&self, profile: ProfileId) -> Result<Vec<ProfileId>, StoreError> {
        let aliases: Vec<String> = profile::Entity::find()
            .select_only()
            .column(profile::Column::Id)
            .filter(profile::Column::TenantId.eq(self.key()))
            .filter(profile::Column::MergedInto.eq(profile.to_string()))
            .order_by_asc(profile::Column::Id)
            .limit(u64::from(LARGEST_PAGE))
            .into_tuple()
            .all(&self.reader())
            .await?;
        aliases.iter().map(|alias| id(alias, "profiles.id")).collect()
    }
}

impl TryFrom<merge::Model> for MergeRecord {
    type Error = StoreError;

    fn try_from(row: merge::Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: id(&row.id, "merges.id")?,
            winner: id(&row.winner_id, "merges.winner_id")?,
            loser: id(&row.loser_id, "merges.loser_id")?,
            left: id(&row.left_id, "merges.left_id")?,
            right: id(&row.right_id, "merges.right_id")?,
            kind: row.kind,
            value: row.value,
            event: id(&row.event_id, "merges.event_id")?,
            seq: number(row.seq, "merges.seq")?,
            at: Timestamp::from_micros(row.at),
            conflict: optional_id(row.conflict_id.as_deref(), "merges.conflict_id")?,
            actor: row.actor,
            config_rev: row.config_rev.map(i64::cast_unsigned),
            rules_version: row.rules_version.map(i32::cast_unsigned),
            is_exact: row.exact != 0,
            undone_at: row.undone_at.map(Timestamp::from_micros),
            undone_by: row.undone_by,
        })
    }
}
