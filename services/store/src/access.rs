//! Who may call: the members and API keys of an agency, what was granted to them, and their sessions.

mod api_key;
mod grant;
mod invitation;
mod member;
mod provider;
mod session;
mod signing_key;

use std::{future::Future, sync::Arc};

use sea_orm::{
    ColumnTrait, DatabaseConnection, DatabaseTransaction, EntityTrait, ExprTrait, QueryFilter,
    sea_query::Expr,
};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tributary_domain::{access::AgencyRole, id::AgencyId};

use crate::{
    Lane, Store, StoreError,
    audit::{self, Author, Deed, Owner},
    entity::agency,
    txn::Txn,
};

pub use api_key::{ApiKeyChange, ApiKeyRecord, NewApiKey};
pub use grant::Grants;
pub use invitation::{InvitationKind, InvitationRecord, NewInvitation, NewPassword};
pub use member::{Credentials, MemberChange, MemberRecord, NewMember};
pub use provider::Vouched;
pub use session::{NewSession, Refreshed, Sessions};
pub use signing_key::{SigningKeyRecord, SigningKeys};

fn role(code: &str, what: &'static str) -> Result<AgencyRole, StoreError> {
    AgencyRole::from_code(code).ok_or_else(|| StoreError::corrupt(what))
}

/// What is kept of a token that is looked up by it: SHA-256 in lower-case hex. The token has to be random and long,
/// because its hash is not salted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenHash(String);

impl TokenHash {
    /// Of this token.
    pub fn of(token: &str) -> Self {
        Self(hex::encode(Sha256::digest(token.as_bytes())))
    }
}

/// Who gives, changes or takes away roles, as far as it decides whether that may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appointer(
    /// Their role in the agency. Whoever runs the installation counts as an owner.
    pub AgencyRole,
);

impl Appointer {
    /// # Errors
    /// When somebody of the role `other` is not their business.
    fn check(self, other: AgencyRole) -> Result<(), StoreError> {
        if self.0.may_appoint(other) { Ok(()) } else { Err(StoreError::role("member")) }
    }
}

/// One agency's view of the store: who works for it.
#[derive(Debug, Clone, Copy)]
pub struct AgencyScope<'a> {
    store: &'a Store,
    agency: AgencyId,
}

impl Store {
    /// The view of one agency.
    pub fn agency(&self, agency: AgencyId) -> AgencyScope<'_> {
        AgencyScope { store: self, agency }
    }
}

impl AgencyScope<'_> {
    /// Whose view it is.
    pub fn id(&self) -> AgencyId {
        self.agency
    }

    pub(crate) fn store(&self) -> &Store {
        self.store
    }

    /// What reads the rows of agencies, which no wall is around.
    pub(crate) fn reader(&self) -> &DatabaseConnection {
        self.store.reader()
    }

    pub(crate) fn key(&self) -> String {
        self.agency.to_string()
    }

    /// Runs `work` after raising the agency's `access_rev`, and appends `deed` to the audit log. Raising it first locks
    /// the agency's row, so that all changes of who may do what happen one after another.
    async fn configure<T, F, W>(&self, deed: Deed, author: &Author, work: F) -> Result<T, StoreError>
    where
        F: Fn(Txn) -> W,
        W: Future<Output = Result<T, StoreError>>,
    {
        let work = &work;
        let untold = |txn: Txn| async move { Ok((work(txn).await?, Value::Null)) };
        self.configure_telling(deed, author, untold).await
    }

    /// As [`AgencyScope::configure`]; `work` also says what else is to be told of it.
    async fn configure_telling<T, F, W>(&self, deed: Deed, author: &Author, work: F) -> Result<T, StoreError>
    where
        F: Fn(Txn) -> W,
        W: Future<Output = Result<(T, Value), StoreError>>,
    {
        let (work, deed) = (&work, &deed);
        let write = |txn: Txn| async move {
            self.lock(txn.as_ref()).await?;
            let (value, told) = work(Arc::clone(&txn)).await?;
            let deed = deed.clone().with(told);
            audit::append(txn.as_ref(), Owner::Agency(self.agency), author, &deed).await?;
            Ok(value)
        };
        self.store.write_txn(Lane::Other, deed.action, write).await
    }

    async fn lock(&self, txn: &DatabaseTransaction) -> Result<(), StoreError> {
        let raised = agency::Entity::update_many()
            .col_expr(agency::Column::AccessRev, Expr::col(agency::Column::AccessRev).add(1))
            .filter(agency::Column::Id.eq(self.key()))
            .exec(txn)
            .await?;
        if raised.rows_affected == 0 { Err(StoreError::not_found("agency")) } else { Ok(()) }
    }
}
