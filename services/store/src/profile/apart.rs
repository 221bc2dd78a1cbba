//! Which profiles are kept apart.

use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use tributary_domain::{identity::PairId, time::Timestamp};

use crate::{Page, Paged, StoreError, TenantScope, column::id, entity::never_join};

/// Two profiles that no evidence may join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairRecord {
    /// The two.
    pub pair: PairId,
    /// Since when.
    pub created_at: Timestamp,
    /// Who keeps them apart.
    pub actor: Option<String>,
    /// The id of the merge that was undone, or of the conflict that was decided.
    pub because: Option<String>,
}

impl TenantScope<'_> {
    /// The pair of these two.
    ///
    /// # Errors
    /// When they are not kept apart.
    pub async fn never_join_pair(&self, pair: PairId) -> Result<PairRecord, StoreError> {
        let key = (self.key(), pair.left.to_string(), pair.right.to_string());
        let row = never_join::Entity::find_by_id(key).one(&self.reader()).await?;
        row.ok_or_else(|| StoreError::not_found("never join pair"))?.try_into()
    }

    /// The tenant's pairs by the ids of their profiles.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn never_join_pairs(
        &self,
        page: Page<PairId>,
    ) -> Result<Paged<PairRecord, PairId>, StoreError> {
        use never_join::Column::{LeftId, RightId, TenantId};
        let mut query = never_join::Entity::find().filter(TenantId.eq(self.key()));
        if let Some(after) = page.after {
            let (left, right) = (after.left.to_string(), after.right.to_string());
            let beside = Condition::all().add(LeftId.eq(left.as_str())).add(RightId.gt(right));
            query = query.filter(Condition::any().add(LeftId.gt(left)).add(beside));
        }
        let query = query.order_by_asc(LeftId).order_by_asc(RightId).limit(page.rows());
        page.fill(query.all(&self.reader()).await?, PairRecord::try_from, |record| record.pair)
    }
}

impl TryFrom<never_join::Model> for PairRecord {
    type Error = StoreError;

    fn try_from(row: never_join::Model) -> Result<Self, StoreError> {
        let left = id(&row.left_id, "never_join.left_id")?;
        let right = id(&row.right_id, "never_join.right_id")?;
        Ok(Self {
            pair: PairId { left, right },
            created_at: Timestamp::from_micros(row.created_at),
            actor: row.actor,
            because: row.because,
        })
    }
}
