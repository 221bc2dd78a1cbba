//! What a person is known by.

use std::collections::BTreeMap;

use sea_orm::{
    ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select,
};
use tributary_domain::{
    id::{MessageId, ProfileId},
    identity::IdentifierType,
    time::Timestamp,
};

use crate::{
    LARGEST_PAGE, StoreError, TenantScope,
    column::{id, number},
    entity::identifier,
};

/// An identifier of a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentifierRecord {
    /// Its type.
    pub kind: IdentifierType,
    /// The normalised value.
    pub value: String,
    /// The value as it came first, where it differs.
    pub raw: Option<String>,
    /// Which of the profile and its aliases it was attached to.
    pub profile: ProfileId,
    /// When it was seen first.
    pub first_seen_at: Timestamp,
    /// In which message.
    pub message: MessageId,
}

/// The identifiers of a profile and of its aliases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identifiers {
    /// The first of them by type and value; all, where there are at most [`LARGEST_PAGE`].
    pub listed: Vec<IdentifierRecord>,
    /// How many there are, by type.
    pub counts: BTreeMap<IdentifierType, u64>,
}

impl TenantScope<'_> {
    pub(super) async fn identifiers(
        &self,
        profile: ProfileId,
        aliases: &[ProfileId],
    ) -> Result<Identifiers, StoreError> {
        let query = self.of_profiles(&[&[profile], aliases].concat());
        let rows = query
            .clone()
            .order_by_asc(identifier::Column::Kind)
            .order_by_asc(identifier::Column::Value)
            .limit(u64::from(LARGEST_PAGE))
            .all(&self.reader())
            .await?;
        let listed = rows.into_iter().map(IdentifierRecord::try_from).collect::<Result<Vec<_>, _>>()?;
        let mut counts = BTreeMap::new();
        if listed.len() < LARGEST_PAGE as usize {
            for identifier in &listed {
                *counts.entry(identifier.kind.clone()).or_default() += 1;
            }
            return Ok(Identifiers { listed, counts });
        }
        let counted: Vec<(String, i64)> = query
            .select_only()
            .column(identifier::Column::Kind)
            .column_as(identifier::Column::Value.count(), "count")
            .group_by(identifier::Column::Kind)
            .into_tuple()
            .all(&self.reader())
            .await?;
        for (kind, count) in counted {
            counts.insert(kind_of(&kind)?, number(count, "count of identifiers")?);
        }
        Ok(Identifiers { listed, counts })
    }

    /// The identifiers of these profiles after one of this type and value, in the order of both: at most `limit`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn identifiers_after(
        &self,
        profiles: &[ProfileId],
        (kind, value): (&IdentifierType, &str),
        limit: u32,
    ) -> Result<Vec<IdentifierRecord>, StoreError> {
        let same_kind = Condition::all()
            .add(identifier::Column::Kind.eq(kind.as_str()))
            .add(identifier::Column::Value.gt(value));
        let after = Condition::any().add(identifier::Column::Kind.gt(kind.as_str())).add(same_kind);
        let rows = self
            .of_profiles(profiles)
            .filter(after)
            .order_by_asc(identifier::Column::Kind)
            .order_by_asc(identifier::Column::Value)
            .limit(u64::from(limit.min(LARGEST_PAGE)))
            .all(&self.reader())
            .await?;
        rows.into_iter().map(IdentifierRecord::try_from).collect()
    }

    fn of_profiles(&self, profiles: &[ProfileId]) -> Select<identifier::Entity> {
        identifier::Entity::find()
            .filter(identifier::Column::TenantId.eq(self.key()))
            .filter(identifier::Column::ProfileId.is_in(profiles.iter().map(ProfileId::to_string)))
    }

    /// How many identifiers the tenant has.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn identifier_count(&self) -> Result<u64, StoreError> {
        let query = identifier::Entity::find().filter(identifier::Column::TenantId.eq(self.key()));
        Ok(query.count(&self.reader()).await?)
    }
}

fn kind_of(name: &str) -> Result<IdentifierType, StoreError> {
    IdentifierType::parse(name).ok_or_else(|| StoreError::corrupt("identifiers.kind"))
}

impl TryFrom<identifier::Model> for IdentifierRecord {
    type Error = StoreError;

    fn try_from(row: identifier::Model) -> Result<Self, StoreError> {
        Ok(Self {
            kind: kind_of(&row.kind)?,
            value: row.value,
            raw: row.raw,
            profile: id(&row.profile_id, "identifiers.profile_id")?,
            first_seen_at: Timestamp::from_micros(row.first_seen_at),
            message: id(&row.message_id, "identifiers.message_id")?,
        })
    }
}
