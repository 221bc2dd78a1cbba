//! Members whom an identity provider knows. The first time, they are found by their e-mail address, for which the provider
//! vouches; from then on by the provider's id of them, because addresses change hands.

use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, ModelTrait, QueryFilter};
use serde_json::json;
use tributary_domain::{id::MemberId, time::Timestamp};

use super::{AgencyScope, NewMember, member, session};
use crate::{
    Lane, StoreError,
    audit::{self, Author, Deed, Owner},
    column::id,
    entity::{member as member_row, provider_subject},
    txn::Txn,
};

/// Somebody whom a provider vouches for, and the session that they want.
#[derive(Debug, Clone)]
pub struct Vouched {
    /// The provider.
    pub issuer: String,
    /// Its unchanging id of them.
    pub subject: String,
    /// Their e-mail address, in lower case.
    pub email: String,
    /// The id of the member that is made, where they are invited.
    pub member: MemberId,
    /// The session.
    pub session: session::NewSession,
}

impl AgencyScope<'_> {
    /// Begins a session of the member that somebody is. Whoever has an open invitation to their address becomes one.
    ///
    /// # Errors
    /// When they are nobody of this agency: NotFound. That is also so where the member with their address is somebody else to
    /// this provider.
    pub async fn sign_in_vouched(&self, who: &Vouched, author: &Author) -> Result<MemberId, StoreError> {
        let write = |txn: Txn| async move {
            let txn = txn.as_ref();
            // Before anything is read, so that two first sign-ins of one person happen one after the other.
            self.lock(txn).await?;
            let member = match self.subject(txn, who).await? {
                Some(member) => member,
                None => self.link(txn, who, author).await?,
            };
            let author = Author { actor: member.to_string(), ..author.clone() };
            session::open(txn, self.id(), member, &who.session, &author).await?;
            Ok(member)
        };
        self.store.write_txn(Lane::Other, "session.begin", write).await
    }

    /// The member who is already known by the provider's id.
    async fn subject(
        &self,
        txn: &DatabaseTransaction,
        who: &Vouched,
    ) -> Result<Option<MemberId>, StoreError> {
        let key = (self.key(), who.issuer.clone(), who.subject.clone());
        let row = provider_subject::Entity::find_by_id(key).one(txn).await?;
        row.map(|row| id(&row.member_id, "provider_subjects.member_id")).transpose()
    }

    async fn link(
        &self,
        txn: &DatabaseTransaction,
        who: &Vouched,
        author: &Author,
    ) -> Result<MemberId, StoreError> {
        let known = member::live()
            .filter(member_row::Column::AgencyId.eq(self.key()))
            .filter(member_row::Column::Email.eq(who.email.as_str()));
        let member = match known.one(txn).await? {
            Some(row) => id(&row.id, "members.id")?,
            None => self.admit(txn, who, author.at).await?,
        };
        let others = provider_subject::Entity::find()
            .filter(provider_subject::Column::MemberId.eq(member.to_string()))
            .filter(provider_subject::Column::Issuer.eq(who.issuer.as_str()));
        if others.one(txn).await?.is_some() {
            return Err(StoreError::not_found("member"));
        }
        let row = provider_subject::Model {
            agency_id: self.key(),
            issuer: who.issuer.clone(),
            subject: who.subject.clone(),
            member_id: member.to_string(),
            created_at: author.at.micros(),
        };
        provider_subject::Entity::insert(row.into_active_model()).exec_without_returning(txn).await?;
        let deed = Deed::new("member.link_provider", member).with(json!({ "issuer": who.issuer }));
        audit::append(txn, Owner::Agency(self.id()), author, &deed).await?;
        Ok(member)
    }

    /// Makes the member that an open invitation is for.
    async fn admit(
        &self,
        txn: &DatabaseTransaction,
        who: &Vouched,
        at: Timestamp,
    ) -> Result<MemberId, StoreError> {
        let Some((row, record)) = self.open_membership(txn, &who.email, at).await? else {
            return Err(StoreError::not_found("member"));
        };
        row.delete(txn).await?;
        let new = NewMember {
            id: who.member,
            email: record.email,
            display_name: record.display_name,
            role: record.role,
            grants: self.possible(txn, &record.grants).await?,
            password_hash: None,
        };
        Ok(self.insert_member(txn, &new, at).await?.id)
    }

    /// Forgets whom providers know a member as.
    pub(super) async fn unlink(&self, txn: &DatabaseTransaction, member: MemberId) -> Result<(), StoreError> {
        let of_them = provider_subject::Column::MemberId.eq(member.to_string());
        provider_subject::Entity::delete_many().filter(of_them).exec(txn).await?;
        Ok(())
    }
}
