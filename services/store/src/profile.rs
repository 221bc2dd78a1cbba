//! Profiles: one person each, with what is known of them. Only the ledger writes them.

mod apart;
mod blocked;
mod conflicts;
mod consents;
mod identifiers;
mod merges;
mod timeline;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use tributary_domain::{
    id::ProfileId,
    identity::{IdentifierType, Traits},
    time::Timestamp,
};

pub use apart::PairRecord;
pub use blocked::{BlockReason, BlockRecord};
pub use conflicts::ConflictRecord;
pub use identifiers::{IdentifierRecord, Identifiers};
pub use merges::MergeRecord;
pub use timeline::{Happened, HappenedEvent, Moment};

use crate::{
    Page, Paged, StoreError, TenantScope,
    column::{bits, id, json, number, optional_id},
    entity::{erased_profile, identifier_key, profile},
    key::KeyHash,
};

/// A live profile, with those that were merged into it.
#[derive(Debug, Clone, PartialEq)]
pub struct ProfileRecord {
    /// Its id.
    pub id: ProfileId,
    /// When it was made.
    pub created_at: Timestamp,
    /// The place in the journal of the message that made it.
    pub created_seq: u64,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// What is known of the person.
    pub traits: Traits,
    /// The profiles that were merged into it, oldest first.
    pub aliases: Vec<ProfileId>,
    /// What the person is known by.
    pub identifiers: Identifiers,
}

impl TenantScope<'_> {
    /// The profile that this id stands for: itself, or the one it was merged into.
    ///
    /// # Errors
    /// When the tenant has none; [`StoreError::Erased`] when it stood for somebody who was erased.
    pub async fn profile(&self, profile: ProfileId) -> Result<ProfileRecord, StoreError> {
        self.profile_record(self.live_profile(profile).await?).await
    }

    /// The tenant's live profiles, newest first: an id begins with the time of the message that made it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn profiles(
        &self,
        page: Page<ProfileId>,
    ) -> Result<Paged<ProfileRecord, ProfileId>, StoreError> {
        let mut query = profile::Entity::find()
            .filter(profile::Column::TenantId.eq(self.key()))
            .filter(profile::Column::MergedInto.is_null());
        if let Some(before) = page.after {
            query = query.filter(profile::Column::Id.lt(before.to_string()));
        }
        let query = query.order_by_desc(profile::Column::Id).limit(page.rows());
        let mut records = Vec::new();
        for row in query.all(&self.reader()).await? {
            records.push(self.profile_record(row).await?);
        }
        page.fill(records, Ok, |record| record.id)
    }

    async fn profile_record(&self, row: profile::Model) -> Result<ProfileRecord, StoreError> {
        let profile = id(&row.id, "profiles.id")?;
        let aliases = self.aliases(profile).await?;
        let identifiers = self.identifiers(profile, &aliases).await?;
        Ok(ProfileRecord {
            id: profile,
            created_at: Timestamp::from_micros(row.created_at),
            created_seq: number(row.created_seq, "profiles.created_seq")?,
            updated_at: Timestamp::from_micros(row.updated_at),
            traits: json(&row.traits, "profiles.traits")?,
            aliases,
            identifiers,
        })
    }

    /// The live profile that owns an identifier; `value` is the normalised one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn profile_by_identifier(
        &self,
        kind: &IdentifierType,
        value: &str,
    ) -> Result<Option<ProfileId>, StoreError> {
        let key = KeyHash::identifier(self.id(), kind.as_str(), value).to_column();
        let Some(row) = identifier_key::Entity::find_by_id(key).one(&self.reader()).await? else {
            return Ok(None);
        };
        let owner = ProfileId::from_bits(bits(&row.profile_id, "identifier_keys.profile_id")?);
        let owner = self.live_profile(owner).await?;
        id(&owner.id, "profiles.id").map(Some)
    }

    /// The row of a profile, or of the one that it was merged into: aliases are one step deep.
    async fn live_profile(&self, profile: ProfileId) -> Result<profile::Model, StoreError> {
        let row = self.profile_row(profile).await?;
        match optional_id(row.merged_into.as_deref(), "profiles.merged_into")? {
            Some(winner) => self.profile_row(winner).await,
            None => Ok(row),
        }
    }

    async fn profile_row(&self, profile: ProfileId) -> Result<profile::Model, StoreError> {
        let key = || (self.key(), profile.to_string());
        if let Some(row) = profile::Entity::find_by_id(key()).one(&self.reader()).await? {
            return Ok(row);
        }
        let gone = erased_profile::Entity::find_by_id(key()).one(&self.reader()).await?;
        Err(if gone.is_some() { StoreError::Erased } else { StoreError::not_found("profile") })
    }
}
