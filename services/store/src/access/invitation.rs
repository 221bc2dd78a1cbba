//! Invitations: how somebody becomes a member, and how a member sets a new password. One that was used, revoked or
//! replaced is gone; what happened to it is in the audit log.

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction,
    EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
};
use serde_json::json;
use tributary_domain::{
    access::{AgencyRole, PrincipalId},
    id::{AgencyId, InvitationId, MemberId},
    time::Timestamp,
};

use super::{AgencyScope, Appointer, Grants, NewMember, TokenHash, member, role, session::standing};
use crate::{
    Page, Paged, Store, StoreError,
    audit::{Author, Deed},
    column::{codes, id, json, optional_id, to_json},
    entity::{invitation, member as member_row},
    txn::Txn,
};

codes! {
    /// What an invitation is for.
    InvitationKind {
        /// To become a member.
        Membership = "MEMBERSHIP",
        /// To set a new password.
        PasswordReset = "PASSWORD_RESET",
    }
}

/// An invitation that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvitationRecord {
    /// Its id.
    pub id: InvitationId,
    /// Whose it is.
    pub agency: AgencyId,
    /// What it is for.
    pub kind: InvitationKind,
    /// Who was invited, in lower case.
    pub email: String,
    /// The name that people see.
    pub display_name: String,
    /// The role in the agency.
    pub role: AgencyRole,
    /// The roles in single tenants.
    pub grants: Grants,
    /// Whose password is to be set.
    pub member: Option<MemberId>,
    /// Who invited.
    pub invited_by: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops being valid.
    pub expires_at: Timestamp,
}

/// An invitation that is to be made.
#[derive(Debug, Clone)]
pub struct NewInvitation {
    /// Its id.
    pub id: InvitationId,
    /// Who is invited: an e-mail address in lower case.
    pub email: String,
    /// The name that people see.
    pub display_name: String,
    /// The role in the agency.
    pub role: AgencyRole,
    /// The roles in single tenants.
    pub grants: Grants,
    /// The hash of its token.
    pub hash: TokenHash,
    /// When it stops being valid.
    pub expires_at: Timestamp,
}

/// What somebody who follows an invitation brings.
#[derive(Debug, Clone)]
pub struct NewPassword {
    /// The id of the member that is made, where one is.
    pub member: MemberId,
    /// The name that people see; none: that of the invitation.
    pub display_name: Option<String>,
    /// The hash of the password, as a PHC string.
    pub password_hash: String,
}

impl Store {
    /// The open invitation whose token has this hash, if it is valid at `now`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn invitation_by_token(
        &self,
        hash: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<InvitationRecord>, StoreError> {
        let query = invitation::Entity::find()
            .filter(invitation::Column::Hash.eq(hash.0.as_str()))
            .filter(invitation::Column::ExpiresAt.gt(now.micros()));
        query.one(self.reader()).await?.map(of_row).transpose()
    }
}

impl AgencyScope<'_> {
    /// The open invitations, oldest first; those that have expired too.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn invitations(
        &self,
        page: Page<InvitationId>,
    ) -> Result<Paged<InvitationRecord, InvitationId>, StoreError> {
        let mut query = self.all_invitations();
        if let Some(after) = page.after {
            query = query.filter(invitation::Column::Id.gt(after.to_string()));
        }
        let query = query.order_by_asc(invitation::Column::Id).limit(page.rows());
        page.fill(query.all(self.store.reader()).await?, of_row, |record| record.id)
    }

    /// One open invitation.
    ///
    /// # Errors
    /// When there is none.
    pub async fn invitation(&self, invitation: InvitationId) -> Result<InvitationRecord, StoreError> {
        of_row(self.invitation_row(self.store.reader(), invitation).await?)
    }

    /// Invites somebody; an earlier invitation of theirs ends.
    ///
    /// # Errors
    /// When they are a member, a tenant is not of this agency, or the role is none of `by`'s business.
    pub async fn invite(
        &self,
        new: &NewInvitation,
        by: Appointer,
        author: &Author,
    ) -> Result<InvitationRecord, StoreError> {
        by.check(new.role)?;
        let write = |txn: Txn| async move {
            let txn = txn.as_ref();
            self.claim(txn, author, new.id.to_string()).await?;
            let taken = member::live()
                .filter(member_row::Column::AgencyId.eq(self.key()))
                .filter(member_row::Column::Email.eq(new.email.as_str()));
            if taken.one(txn).await?.is_some() {
                return Err(StoreError::exists("member"));
            }
            self.own(txn, &new.grants).await?;
            // An earlier invitation of theirs ends, which has to be the caller's business too.
            let earlier = self.same(InvitationKind::Membership, &new.email).one(txn).await?;
            if let Some(earlier) = earlier {
                by.check(role(&earlier.role, "invitations.role")?)?;
            }
            self.open(txn, InvitationKind::Membership, None, new, author).await
        };
        let detail = json!({ "role": new.role, "grants": new.grants });
        self.configure(Deed::new("invitation.create", new.id).with(detail), author, write).await
    }

    /// Opens a password reset for a member; an earlier one ends. Of `new`, what the member has is not used.
    ///
    /// # Errors
    /// When there is no such member, or their role is none of `by`'s business.
    pub async fn reset_password(
        &self,
        member: MemberId,
        new: &NewInvitation,
        by: Appointer,
        author: &Author,
    ) -> Result<InvitationRecord, StoreError> {
        let write = |txn: Txn| async move {
            let txn = txn.as_ref();
            let record = self.read_member(txn, member).await?;
            by.check(record.role)?;
            let new = NewInvitation {
                email: record.email,
                display_name: record.display_name,
                role: record.role,
                grants: Grants::new(),
                ..new.clone()
            };
            self.open(txn, InvitationKind::PasswordReset, Some(member), &new, author).await
        };
        let detail = json!({ "invitation": new.id });
        self.configure(Deed::new("member.reset_password", member).with(detail), author, write).await
    }

    /// Gives an open invitation another token and as much time as it had; the token it had is refused from now on.
    ///
    /// # Errors
    /// When there is none, or its role is none of `by`'s business.
    pub async fn resend_invitation(
        &self,
        invitation: InvitationId,
        hash: &TokenHash,
        by: Appointer,
        author: &Author,
    ) -> Result<InvitationRecord, StoreError> {
        let write = |txn: Txn| async move {
            let txn = txn.as_ref();
            let row = self.invitation_row(txn, invitation).await?;
            by.check(role(&row.role, "invitations.role")?)?;
            let span = row.expires_at.saturating_sub(row.created_at);
            let mut row = row.into_active_model();
            row.hash = Set(hash.0.clone());
            row.created_at = Set(author.at.micros());
            row.expires_at = Set(author.at.micros().saturating_add(span));
            // Whoever sends it again answers for it.
            row.invited_by = Set(author.actor.clone());
            of_row(row.update(txn).await?)
        };
        self.configure(Deed::new("invitation.resend", invitation), author, write).await
    }

    /// Takes an open invitation back.
    ///
    /// # Errors
    /// When there is none, or its role is none of `by`'s business.
    pub async fn revoke_invitation(
        &self,
        invitation: InvitationId,
        by: Appointer,
        author: &Author,
    ) -> Result<(), StoreError> {
        let write = |txn: Txn| async move {
            let txn = txn.as_ref();
            let row = self.invitation_row(txn, invitation).await?;
            by.check(role(&row.role, "invitations.role")?)?;
            row.into_active_model().delete(txn).await?;
            Ok(())
        };
        self.configure(Deed::new("invitation.revoke", invitation), author, write).await
    }

    /// Does what an invitation is for, and ends it: whoever has its token becomes a member, or sets a new password.
    ///
    /// # Errors
    /// When it is not open any more (it was used, revoked or sent again meanwhile), or who was invited is a
    /// member already.
    pub async fn accept_invitation(
        &self,
        invitation: InvitationId,
        hash: &TokenHash,
        with: &NewPassword,
        author: &Author,
    ) -> Result<MemberId, StoreError> {
        let write = |txn: Txn| async move {
            let txn = txn.as_ref();
            let query = self
                .all_invitations()
                .filter(invitation::Column::Hash.eq(hash.0.as_str()))
                .filter(invitation::Column::ExpiresAt.gt(author.at.micros()));
            let row = query.one(txn).await?.ok_or_else(|| StoreError::not_found("invitation"))?;
            let record = of_row(row.clone())?;
            self.still_holds(txn, &record, author.at).await?;
            row.into_active_model().delete(txn).await?;
            if let Some(member) = record.member {
                self.write_password(txn, member, &with.password_hash, None, author.at).await?;
                return Ok(member);
            }
            let new = NewMember {
                id: with.member,
                email: record.email,
                display_name: with.display_name.clone().unwrap_or(record.display_name),
                role: record.role,
                // A tenant that was deleted meanwhile keeps nobody out of the others.
                grants: self.possible(txn, &record.grants).await?,
                password_hash: Some(with.password_hash.clone()),
            };
            Ok(self.insert_member(txn, &new, author.at).await?.id)
        };
        self.configure(Deed::new("invitation.accept", invitation), author, write).await
    }

    /// # Errors
    /// When whoever invited could not do so any more: they are gone, or their role does not reach so far.
    async fn still_holds(
        &self,
        txn: &DatabaseTransaction,
        record: &InvitationRecord,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        // Who is no principal is the operator.
        let Ok(inviter) = record.invited_by.parse::<PrincipalId>() else { return Ok(()) };
        let standing = standing(txn, inviter, at).await?.filter(|standing| standing.agency == self.agency);
        let may = standing.is_some_and(|standing| standing.role.may_appoint(record.role));
        if may { Ok(()) } else { Err(StoreError::not_found("invitation")) }
    }

    /// The open invitation of somebody to become a member, if whoever invited them could still do so.
    pub(super) async fn open_membership(
        &self,
        txn: &DatabaseTransaction,
        email: &str,
        at: Timestamp,
    ) -> Result<Option<(invitation::Model, InvitationRecord)>, StoreError> {
        let open = self.same(InvitationKind::Membership, email);
        let Some(row) = open.filter(invitation::Column::ExpiresAt.gt(at.micros())).one(txn).await? else {
            return Ok(None);
        };
        let record = of_row(row.clone())?;
        self.still_holds(txn, &record, at).await?;
        Ok(Some((row, record)))
    }

    /// Ends the resets of a member's password that are open.
    pub(super) async fn end_resets(
        &self,
        txn: &DatabaseTransaction,
        member: MemberId,
    ) -> Result<(), StoreError> {
        let of_them = Condition::all()
            .add(invitation::Column::AgencyId.eq(self.key()))
            .add(invitation::Column::MemberId.eq(member.to_string()));
        invitation::Entity::delete_many().filter(of_them).exec(txn).await?;
        Ok(())
    }

    /// The open invitation of this kind for somebody.
    fn same(&self, kind: InvitationKind, email: &str) -> sea_orm::Select<invitation::Entity> {
        let own = self.all_invitations().filter(invitation::Column::Email.eq(email));
        own.filter(invitation::Column::Kind.eq(kind.code()))
    }

    async fn open(
        &self,
        txn: &impl ConnectionTrait,
        kind: InvitationKind,
        member: Option<MemberId>,
        new: &NewInvitation,
        author: &Author,
    ) -> Result<InvitationRecord, StoreError> {
        let same = Condition::all()
            .add(invitation::Column::AgencyId.eq(self.key()))
            .add(invitation::Column::Email.eq(new.email.as_str()))
            .add(invitation::Column::Kind.eq(kind.code()));
        invitation::Entity::delete_many().filter(same).exec(txn).await?;
        let row = invitation::Model {
            id: new.id.to_string(),
            agency_id: self.key(),
            kind: kind.code().to_owned(),
            email: new.email.clone(),
            display_name: new.display_name.clone(),
            role: new.role.code().to_owned(),
            grants: to_json(&new.grants)?,
            member_id: member.map(|member| member.to_string()),
            hash: new.hash.0.clone(),
            invited_by: author.actor.clone(),
            created_at: author.at.micros(),
            expires_at: new.expires_at.micros(),
        };
        invitation::Entity::insert(row.clone().into_active_model()).exec_without_returning(txn).await?;
        of_row(row)
    }

    fn all_invitations(&self) -> sea_orm::Select<invitation::Entity> {
        invitation::Entity::find().filter(invitation::Column::AgencyId.eq(self.key()))
    }

    async fn invitation_row(
        &self,
        connection: &impl ConnectionTrait,
        invitation: InvitationId,
    ) -> Result<invitation::Model, StoreError> {
        let query = self.all_invitations().filter(invitation::Column::Id.eq(invitation.to_string()));
        query.one(connection).await?.ok_or_else(|| StoreError::not_found("invitation"))
    }
}

fn of_row(row: invitation::Model) -> Result<InvitationRecord, StoreError> {
    Ok(InvitationRecord {
        id: id(&row.id, "invitations.id")?,
        agency: id(&row.agency_id, "invitations.agency_id")?,
        kind: InvitationKind::from_code(&row.kind).ok_or_else(|| StoreError::corrupt("invitations.kind"))?,
        email: row.email,
        display_name: row.display_name,
        role: role(&row.role, "invitations.role")?,
        grants: json(&row.grants, "invitations.grants")?,
        member: optional_id(row.member_id.as_deref(), "invitations.member_id")?,
        invited_by: row.invited_by,
        created_at: Timestamp::from_micros(row.created_at),
        expires_at: Timestamp::from_micros(row.expires_at),
    })
}
