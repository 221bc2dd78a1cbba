//! Groups: the accounts and companies that people belong to. Only the ledger writes them.

use sea_orm::{
    ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Statement,
};
use tributary_domain::{
    id::{GroupId, ProfileId},
    identity::Traits,
    time::Timestamp,
};

use crate::{
    Page, Paged, StoreError, TenantScope,
    column::{id, json},
    entity::{group, group_member},
};

/// A group.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupRecord {
    /// Its id.
    pub id: GroupId,
    /// The type of its identity, such as `account_id`.
    pub kind: String,
    /// Its identity.
    pub value: String,
    /// What is known of it.
    pub traits: Traits,
    /// When the message that named it first was accepted.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

/// Somebody who belongs to a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberRecord {
    /// The live profile.
    pub profile: ProfileId,
    /// When the message was accepted that first said so, of the profile or of a part of it.
    pub joined_at: Timestamp,
}

/// Which groups a list has; what is not set does not matter.
#[derive(Debug, Clone, Default)]
pub struct GroupFilter {
    /// Those of this type.
    pub kind: Option<String>,
    /// Those with this identity.
    pub value: Option<String>,
    /// Those that this person belongs to.
    pub profile: Option<ProfileId>,
}

/// A member is listed once: under the live profile if that is a member itself, else under the oldest alias that is.
const MEMBERS: &str = "SELECT m.profile_id, p.merged_into, m.first_seen_at, (SELECT min(o.first_seen_at) \
    FROM profiles q JOIN group_members o ON o.tenant_id = q.tenant_id AND o.group_id = $2 AND o.profile_id = q.id \
    WHERE q.tenant_id = $1 AND q.merged_into = coalesce(p.merged_into, p.id)) AS parts_first_seen_at \
    FROM group_members m JOIN profiles p ON p.tenant_id = m.tenant_id AND p.id = m.profile_id \
    WHERE m.tenant_id = $1 AND m.group_id = $2 AND m.profile_id > $3 \
    AND NOT EXISTS (SELECT 1 FROM group_members o WHERE o.tenant_id = $1 AND o.group_id = $2 \
    AND o.profile_id = p.merged_into) \
    AND NOT EXISTS (SELECT 1 FROM profiles q JOIN group_members o ON o.tenant_id = q.tenant_id AND o.group_id = $2 \
    AND o.profile_id = q.id WHERE q.tenant_id = $1 AND q.merged_into = p.merged_into AND q.id < p.id) \
    ORDER BY m.profile_id LIMIT $4";

#[derive(FromQueryResult)]
struct MemberRow {
    profile_id: String,
    merged_into: Option<String>,
    first_seen_at: i64,
    parts_first_seen_at: Option<i64>,
}

impl TenantScope<'_> {
    /// The group with this id.
    ///
    /// # Errors
    /// When the tenant has none.
    pub async fn group(&self, group: GroupId) -> Result<GroupRecord, StoreError> {
        let row = group::Entity::find_by_id((self.key(), group.to_string())).one(&self.reader()).await?;
        row.ok_or_else(|| StoreError::not_found("group"))?.try_into()
    }

    /// The tenant's groups that fit, the newest first: an id begins with the time of the message that made it.
    ///
    /// # Errors
    /// When there is no such profile, or the database fails.
    pub async fn groups(
        &self,
        filter: &GroupFilter,
        page: Page<GroupId>,
    ) -> Result<Paged<GroupRecord, GroupId>, StoreError> {
        let mut query = group::Entity::find().filter(group::Column::TenantId.eq(self.key()));
        if let Some(kind) = &filter.kind {
            query = query.filter(group::Column::Kind.eq(kind.as_str()));
        }
        if let Some(value) = &filter.value {
            query = query.filter(group::Column::Value.eq(value.as_str()));
        }
        if let Some(profile) = filter.profile {
            let person = self.person(profile).await?;
            let of_person = group_member::Entity::find()
                .select_only()
                .column(group_member::Column::GroupId)
                .filter(group_member::Column::TenantId.eq(self.key()))
                .filter(group_member::Column::ProfileId.is_in(person.iter().map(ProfileId::to_string)));
            query = query.filter(group::Column::Id.in_subquery(of_person.into_query()));
        }
        if let Some(before) = page.after {
            query = query.filter(group::Column::Id.lt(before.to_string()));
        }
        let query = query.order_by_desc(group::Column::Id).limit(page.rows());
        page.fill(query.all(&self.reader()).await?, GroupRecord::try_from, |record| record.id)
    }

    /// Who belongs to a group, in the order of the ids; a page begins after the id of a profile or of a part of it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn group_members(
        &self,
        group: GroupId,
        page: Page<ProfileId>,
    ) -> Result<Paged<MemberRecord, ProfileId>, StoreError> {
        let after = page.after.map(|profile| profile.to_string()).unwrap_or_default();
        let rows = i64::try_from(page.rows()).unwrap_or(i64::MAX);
        let values = [self.key().into(), group.to_string().into(), after.into(), rows.into()];
        let statement = Statement::from_sql_and_values(self.store().backend(), MEMBERS, values);
        let rows = MemberRow::find_by_statement(statement).all(&self.reader()).await?;
        let keyed = page.fill(rows, MemberRow::read, |(key, _)| *key)?;
        let items = keyed.items.into_iter().map(|(_, member)| member).collect();
        Ok(Paged { items, next: keyed.next })
    }
}

impl MemberRow {
    /// The member, after the id that it stands at.
    fn read(self) -> Result<(ProfileId, MemberRecord), StoreError> {
        let key = id(&self.profile_id, "group_members.profile_id")?;
        let live = self.merged_into.as_deref().map(|live| id(live, "profiles.merged_into")).transpose()?;
        let parts = self.parts_first_seen_at.unwrap_or(self.first_seen_at);
        let joined_at = Timestamp::from_micros(self.first_seen_at.min(parts));
        Ok((key, MemberRecord { profile: live.unwrap_or(key), joined_at }))
    }
}

impl TryFrom<group::Model> for GroupRecord {
    type Error = StoreError;

    fn try_from(row: group::Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: id(&row.id, "groups.id")?,
            kind: row.kind,
            value: row.value,
            traits: json(&row.traits, "groups.traits")?,
            created_at: Timestamp::from_micros(row.created_at),
            updated_at: Timestamp::from_micros(row.updated_at),
        })
    }
}
