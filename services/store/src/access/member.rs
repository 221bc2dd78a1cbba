//! Members: people who work for an agency. Each agency has its own, with passwords of their own: so no agency's admin
//! can reset the password with which somebody works for another one.

use std::collections::BTreeMap;

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait,
    IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};
use serde_json::json;
use tributary_domain::{
    access::{AgencyRole, PrincipalId},
    id::{AgencyId, MemberId, SessionId},
    time::Timestamp,
};

use super::{AgencyScope, Appointer, Grants, grant, role, session};
use crate::{
    Page, Paged, Store, StoreError,
    audit::{self, Author, Deed},
    column::{id, number},
    entity::member,
    tenant::next_revision,
    txn::Txn,
};

/// A member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberRecord {
    /// Their id.
    pub id: MemberId,
    /// Whose member they are.
    pub agency: AgencyId,
    /// The e-mail address they sign in with, in lower case; unique in the agency.
    pub email: String,
    /// The name that people see.
    pub display_name: String,
    /// Their role in the agency.
    pub role: AgencyRole,
    /// Their roles in single tenants.
    pub grants: Grants,
    /// Whether they can sign in with a password.
    pub has_password: bool,
    /// Raised by every change: what an update compares.
    pub revision: u64,
    /// When they became a member.
    pub created_at: Timestamp,
    /// When something of them was changed last.
    pub updated_at: Timestamp,
}

/// A member that is to be made.
#[derive(Debug, Clone)]
pub struct NewMember {
    /// Their id.
    pub id: MemberId,
    /// Their e-mail address, in lower case.
    pub email: String,
    /// The name that people see.
    pub display_name: String,
    /// Their role in the agency.
    pub role: AgencyRole,
    /// Their roles in single tenants.
    pub grants: Grants,
    /// The hash of their password, as a PHC string.
    pub password_hash: Option<String>,
}

/// What is changed of a member; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct MemberChange {
    /// The name that people see.
    pub display_name: Option<String>,
    /// Their role in the agency.
    pub role: Option<AgencyRole>,
    /// Their roles in single tenants.
    pub grants: Option<Grants>,
}

/// What a password is checked against.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Whose it is.
    pub member: MemberId,
    /// Of which agency.
    pub agency: AgencyId,
    /// The hash of the password, as a PHC string.
    pub password_hash: String,
}

impl Store {
    /// What the password of whoever signs in with this e-mail address is checked against: one for each agency that
    /// has such a member, or of one agency only.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn credentials(
        &self,
        email: &str,
        agency: Option<AgencyId>,
    ) -> Result<Vec<Credentials>, StoreError> {
        let mut query = live().filter(member::Column::Email.eq(email));
        if let Some(agency) = agency {
            query = query.filter(member::Column::AgencyId.eq(agency.to_string()));
        }
        let rows = query.order_by_asc(member::Column::Id).limit(100).all(self.reader()).await?;
        let with_password =
            rows.into_iter().filter_map(|row| Some((row.password_hash?, row.id, row.agency_id)));
        with_password
            .map(|(password_hash, member, agency)| {
                Ok(Credentials {
                    member: id(&member, "members.id")?,
                    agency: id(&agency, "members.agency_id")?,
                    password_hash,
                })
            })
            .collect()
    }
}

impl AgencyScope<'_> {
    /// The members, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn members(&self, page: Page<MemberId>) -> Result<Paged<MemberRecord, MemberId>, StoreError> {
        let mut query = live().filter(member::Column::AgencyId.eq(self.key()));
        if let Some(after) = page.after {
            query = query.filter(member::Column::Id.gt(after.to_string()));
        }
        let rows = query.order_by_asc(member::Column::Id).limit(page.rows()).all(self.store.reader()).await?;
        let mut page = page.fill(rows, |row| of_row(row, Grants::new()), |record| record.id)?;
        let principals = page.items.iter().map(|record| PrincipalId::Member(record.id));
        let mut grants: BTreeMap<_, _> = grant::read(self.store.reader(), principals).await?;
        for record in &mut page.items {
            record.grants = grants.remove(&PrincipalId::Member(record.id)).unwrap_or_default();
        }
        Ok(page)
    }

    /// One member.
    ///
    /// # Errors
    /// When there is none.
    pub async fn member(&self, member: MemberId) -> Result<MemberRecord, StoreError> {
        self.read_member(self.store.reader(), member).await
    }

    /// The member with this e-mail address, in lower case.
    ///
    /// # Errors
    /// When there is none.
    pub async fn member_by_email(&self, email: &str) -> Result<MemberRecord, StoreError> {
        let of_agency = live().filter(member::Column::AgencyId.eq(self.key()));
        let row = of_agency.filter(member::Column::Email.eq(email)).one(self.store.reader()).await?;
        let row = row.ok_or_else(|| StoreError::not_found("member"))?;
        let principal = PrincipalId::Member(id(&row.id, "members.id")?);
        of_row(row, grant::of(self.store.reader(), principal).await?)
    }

    /// Makes a member without an invitation.
    ///
    /// # Errors
    /// When the e-mail address is taken, a tenant is not of this agency, or the role is none of `by`'s business.
    pub async fn create_member(
        &self,
        new: &NewMember,
        by: Appointer,
        author: &Author,
    ) -> Result<MemberRecord, StoreError> {
        by.check(new.role)?;
        let write = |txn: Txn| async move { self.insert_member(txn.as_ref(), new, author.at).await };
        let detail = json!({ "role": new.role, "grants": new.grants });
        self.configure(Deed::new("member.create", new.id).with(detail), author, write).await
    }

    /// Changes a member that still has this revision.
    ///
    /// # Errors
    /// When there is none, or it has another revision, a tenant is not of this agency, their role is none of `by`'s
    /// business, or they are the last owner and would be none any more.
    pub async fn update_member(
        &self,
        member: MemberId,
        revision: u64,
        change: &MemberChange,
        by: Appointer,
        author: &Author,
    ) -> Result<MemberRecord, StoreError> {
        let write = |txn: Txn| async move {
            let txn = txn.as_ref();
            let now = self.read_member(txn, member).await?;
            by.check(now.role)?;
            let before = self.row(txn, member).await?;
            let mut row = self.changed(txn, member, revision, author).await?;
            if let Some(name) = &change.display_name {
                row.display_name = Set(name.clone());
            }
            if let Some(role) = change.role {
                by.check(role)?;
                self.keep_an_owner(txn, now.role, Some(role)).await?;
                row.role = Set(role.code().to_owned());
                // Who let a member in may not be who decides about a member of the next role.
                self.end_resets(txn, member).await?;
            }
            let mut told = audit::change(&before, &row);
            row.update(txn).await?;
            if let Some(grants) = &change.grants {
                told["before"]["grants"] = json!(now.grants);
                told["after"]["grants"] = json!(grants);
                self.grant(txn, PrincipalId::Member(member), grants).await?;
            }
            Ok((self.read_member(txn, member).await?, told))
        };
        self.configure_telling(Deed::new("member.update", member), author, write).await
    }

    /// Takes a member away: their sessions end, their grants are gone.
    ///
    /// # Errors
    /// As [`AgencyScope::update_member`].
    pub async fn delete_member(
        &self,
        member: MemberId,
        revision: u64,
        by: Appointer,
        author: &Author,
    ) -> Result<(), StoreError> {
        let write = |txn: Txn| async move {
            let txn = txn.as_ref();
            let now = self.read_member(txn, member).await?;
            by.check(now.role)?;
            self.keep_an_owner(txn, now.role, None).await?;
            let mut row = self.changed(txn, member, revision, author).await?;
            row.deleted_at = Set(Some(author.at.micros()));
            row.password_hash = Set(None);
            row.update(txn).await?;
            self.end_resets(txn, member).await?;
            self.unlink(txn, member).await?;
            let principal = PrincipalId::Member(member);
            grant::clear(txn, principal).await?;
            session::end_all(txn, principal, None).await
        };
        self.configure(Deed::new("member.delete", member), author, write).await
    }

    /// Gives a member another password than the one with the hash `old`. Their sessions end, but for `kept`.
    ///
    /// # Errors
    /// When there is no such member, or they have another password by now.
    pub async fn set_password(
        &self,
        member: MemberId,
        old: &str,
        hash: &str,
        kept: Option<SessionId>,
        author: &Author,
    ) -> Result<(), StoreError> {
        let write = |txn: Txn| async move {
            let txn = txn.as_ref();
            if self.row(txn, member).await?.password_hash.as_deref() != Some(old) {
                return Err(StoreError::revision("member"));
            }
            self.write_password(txn, member, hash, kept, author.at).await
        };
        self.configure(Deed::new("member.set_password", member), author, write).await
    }

    pub(super) async fn write_password(
        &self,
        txn: &DatabaseTransaction,
        member: MemberId,
        hash: &str,
        kept: Option<SessionId>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let row = self.row(txn, member).await?;
        let next = row.revision.saturating_add(1);
        let mut row = row.into_active_model();
        row.revision = Set(next);
        row.password_hash = Set(Some(hash.to_owned()));
        row.updated_at = Set(at.micros());
        row.update(txn).await?;
        self.end_resets(txn, member).await?;
        session::end_all(txn, PrincipalId::Member(member), kept).await
    }

    pub(super) async fn insert_member(
        &self,
        txn: &DatabaseTransaction,
        new: &NewMember,
        at: Timestamp,
    ) -> Result<MemberRecord, StoreError> {
        let row = member::Model {
            id: new.id.to_string(),
            agency_id: self.key(),
            email: new.email.clone(),
            display_name: new.display_name.clone(),
            role: new.role.code().to_owned(),
            password_hash: new.password_hash.clone(),
            revision: 1,
            created_at: at.micros(),
            updated_at: at.micros(),
            deleted_at: None,
        };
        member::Entity::insert(row.clone().into_active_model())
            .exec_without_returning(txn)
            .await
            .map_err(|error| StoreError::from(error).of("member"))?;
        self.grant(txn, PrincipalId::Member(new.id), &new.grants).await?;
        of_row(row, new.grants.clone())
    }

    pub(super) async fn read_member(
        &self,
        connection: &impl ConnectionTrait,
        member: MemberId,
    ) -> Result<MemberRecord, StoreError> {
        let row = self.row(connection, member).await?;
        of_row(row, grant::of(connection, PrincipalId::Member(member)).await?)
    }

    async fn row(
        &self,
        connection: &impl ConnectionTrait,
        member: MemberId,
    ) -> Result<member::Model, StoreError> {
        let query = live()
            .filter(member::Column::Id.eq(member.to_string()))
            .filter(member::Column::AgencyId.eq(self.key()));
        query.one(connection).await?.ok_or_else(|| StoreError::not_found("member"))
    }

    /// The row, with its next revision and the time of the change set.
    async fn changed(
        &self,
        txn: &DatabaseTransaction,
        member: MemberId,
        revision: u64,
        author: &Author,
    ) -> Result<member::ActiveModel, StoreError> {
        let row = self.row(txn, member).await?;
        let next = next_revision(row.revision, revision, "member")?;
        let mut row = row.into_active_model();
        row.revision = Set(next);
        row.updated_at = Set(author.at.micros());
        Ok(row)
    }

    /// # Errors
    /// When an owner would be none any more, and is the last.
    async fn keep_an_owner(
        &self,
        txn: &DatabaseTransaction,
        now: AgencyRole,
        then: Option<AgencyRole>,
    ) -> Result<(), StoreError> {
        if now != AgencyRole::Owner || then == Some(AgencyRole::Owner) {
            return Ok(());
        }
        let owners = live()
            .filter(member::Column::AgencyId.eq(self.key()))
            .filter(member::Column::Role.eq(AgencyRole::Owner.code().to_owned()));
        if owners.count(txn).await? > 1 { Ok(()) } else { Err(StoreError::last_owner()) }
    }
}

pub(super) fn live() -> sea_orm::Select<member::Entity> {
    member::Entity::find().filter(member::Column::DeletedAt.is_null())
}

fn of_row(row: member::Model, grants: Grants) -> Result<MemberRecord, StoreError> {
    Ok(MemberRecord {
        id: id(&row.id, "members.id")?,
        agency: id(&row.agency_id, "members.agency_id")?,
        email: row.email,
        display_name: row.display_name,
        role: role(&row.role, "members.role")?,
        grants,
        has_password: row.password_hash.is_some(),
        revision: number(row.revision, "members.revision")?,
        created_at: Timestamp::from_micros(row.created_at),
        updated_at: Timestamp::from_micros(row.updated_at),
    })
}
