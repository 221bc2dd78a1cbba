//! Who changed what. Entries are written in the transaction of the change.

mod change;

use std::{fmt::Display, net::IpAddr};

use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect, sea_query::Expr,
};
use serde_json::Value;
use tributary_domain::{
    id::{AgencyId, AuditId, TenantId},
    time::Timestamp,
};

use crate::{
    Page, Paged, Secret, StoreError, TenantScope,
    access::AgencyScope,
    column::{id, json, optional_id, to_json},
    entity::audit_log,
    once::Once,
};

pub(crate) use change::change;

/// Who makes a change, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// A person, key or part of the house, such as `admin` or `quickstart`.
    pub actor: String,
    /// The time of the change.
    pub at: Timestamp,
    /// The address that the call came from, where there was a call.
    pub address: Option<IpAddr>,
    /// The request that makes it, where its sender may send it again.
    pub once: Option<Once>,
}

impl Author {
    /// An author.
    pub fn new(actor: impl Into<String>, at: Timestamp) -> Self {
        Self { actor: actor.into(), at, address: None, once: None }
    }

    /// The same, by a request that is done once however often it is sent. What makes something looks at it.
    #[must_use]
    pub fn once(self, request: Once) -> Self {
        Self { once: Some(request), ..self }
    }

    /// The same, with what the request is answered besides what it makes, where it is to be done once.
    #[must_use]
    pub fn answering(mut self, answer: &str) -> Self {
        if let Some(request) = &mut self.once {
            request.answer = Some(Secret::new(answer));
        }
        self
    }

    /// Notes that the author's request makes `resource`, of the tenant where one is named, if it is to be done once.
    pub(crate) async fn claim(
        &self,
        txn: &DatabaseTransaction,
        tenant: Option<TenantId>,
        resource: impl Display,
        answer: Option<Vec<u8>>,
    ) -> Result<(), StoreError> {
        match &self.once {
            Some(once) => once.claim(txn, tenant, resource.to_string(), answer, self.at).await,
            None => Ok(()),
        }
    }
}

/// Whose audit log an entry belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// That of whoever runs the installation.
    Installation,
    /// An agency's.
    Agency(AgencyId),
    /// A tenant's.
    Tenant(TenantId),
}

/// One entry of the audit log.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditRecord {
    /// Its id; newer ones are larger.
    pub id: AuditId,
    /// When it happened.
    pub at: Timestamp,
    /// In which tenant; none for what concerns an agency.
    pub tenant: Option<TenantId>,
    /// Who did it.
    pub actor: String,
    /// The address that the call came from, where there was a call.
    pub address: Option<String>,
    /// What was done, such as `source.create`.
    pub action: String,
    /// To what: its id.
    pub resource: String,
    /// What else is known; never a secret.
    pub detail: Value,
}

/// What is done to what.
#[derive(Debug, Clone)]
pub(crate) struct Deed {
    pub(crate) action: &'static str,
    pub(crate) resource: String,
    pub(crate) detail: Value,
}

impl Deed {
    pub(crate) fn new(action: &'static str, resource: impl Display + Copy) -> Self {
        Self { action, resource: resource.to_string(), detail: Value::Object(serde_json::Map::new()) }
    }

    /// With what else is to be told; what was said before stays.
    pub(crate) fn with(mut self, detail: Value) -> Self {
        if let (Value::Object(known), Value::Object(more)) = (&mut self.detail, detail) {
            known.extend(more);
        }
        self
    }
}

pub(crate) async fn append(
    connection: &impl ConnectionTrait,
    owner: Owner,
    author: &Author,
    deed: &Deed,
) -> Result<(), StoreError> {
    let row = audit_log::Model {
        id: AuditId::new(author.at.millis(), rand::random()).to_string(),
        at: author.at.micros(),
        tenant_id: match owner {
            Owner::Tenant(tenant) => Some(tenant.to_string()),
            Owner::Installation | Owner::Agency(_) => None,
        },
        agency_id: match owner {
            Owner::Agency(agency) => Some(agency.to_string()),
            Owner::Installation | Owner::Tenant(_) => None,
        },
        address: author.address.map(|address| address.to_string()),
        actor: author.actor.clone(),
        action: deed.action.to_owned(),
        resource: deed.resource.clone(),
        detail: to_json(&deed.detail)?,
    };
    audit_log::Entity::insert(row.into_active_model()).exec_without_returning(connection).await?;
    Ok(())
}

impl TenantScope<'_> {
    /// The tenant's audit log, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn audit_log(&self, page: Page<AuditId>) -> Result<Paged<AuditRecord, AuditId>, StoreError> {
        list(&self.reader(), audit_log::Column::TenantId.eq(self.key()), page).await
    }
}

impl AgencyScope<'_> {
    /// The audit log of who may do what in the agency, newest first. What happens in its tenants is in theirs.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn audit_log(&self, page: Page<AuditId>) -> Result<Paged<AuditRecord, AuditId>, StoreError> {
        list(self.reader(), audit_log::Column::AgencyId.eq(self.key()), page).await
    }
}

async fn list(
    reader: &impl ConnectionTrait,
    whose: Expr,
    page: Page<AuditId>,
) -> Result<Paged<AuditRecord, AuditId>, StoreError> {
    let mut query = audit_log::Entity::find().filter(whose);
    if let Some(after) = page.after {
        query = query.filter(audit_log::Column::Id.lt(after.to_string()));
    }
    let query = query.order_by_desc(audit_log::Column::Id).limit(page.rows());
    page.fill(query.all(reader).await?, AuditRecord::try_from, |record| record.id)
}

impl TryFrom<audit_log::Model> for AuditRecord {
    type Error = StoreError;

    fn try_from(row: audit_log::Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: id(&row.id, "audit_log.id")?,
            at: Timestamp::from_micros(row.at),
            tenant: optional_id(row.tenant_id.as_deref(), "audit_log.tenant_id")?,
            actor: row.actor,
            address: row.address,
            action: row.action,
            resource: row.resource,
            detail: json(&row.detail, "audit_log.detail")?,
        })
    }
}
