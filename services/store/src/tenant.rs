//! Tenants: one client account each. Everything else hangs below one.

mod configure;
mod lifecycle;

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, DatabaseTransaction, EntityTrait, ExprTrait,
    IntoActiveModel, QueryFilter,
};
use tributary_domain::{
    id::{AgencyId, TenantId},
    tenant::TenantSettings,
    time::Timestamp,
};

use crate::{
    Lane, Page, Paged, Show, Store, StoreError,
    audit::{self, Author, Deed, Owner},
    column::{codes, id, json, number, to_json},
    entity::{agency, tenant},
    sort::{Columns, Last, Listing},
    txn::Txn,
};

/// What lists of them are ordered by.
const COLUMNS: Columns<tenant::Column> =
    Columns { id: tenant::Column::Id, display_name: tenant::Column::DisplayName, key: tenant::Column::Key };

codes! {
    /// Whether a tenant's messages are processed.
    TenantState {
        /// They are.
        Active = "ACTIVE",
        /// They are accepted and held.
        Suspended = "SUSPENDED",
    }
}

/// A tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantRecord {
    /// Its id.
    pub id: TenantId,
    /// Whose it is.
    pub agency: AgencyId,
    /// Its owner's name for it in configuration; unique in the agency, and never changed.
    pub key: String,
    /// The name that people see.
    pub display_name: String,
    /// Whether its messages are processed.
    pub state: TenantState,
    /// What the rules read.
    pub settings: TenantSettings,
    /// Raised by every change of the tenant's configuration.
    pub config_rev: u64,
    /// Raised by every change of this record: what an update compares.
    pub revision: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// When it was deleted; none: it was not.
    pub deleted_at: Option<Timestamp>,
}

/// A tenant that is to be made.
#[derive(Debug, Clone)]
pub struct NewTenant {
    /// Its id.
    pub id: TenantId,
    /// Whose it is.
    pub agency: AgencyId,
    /// Its key.
    pub key: String,
    /// The name that people see.
    pub display_name: String,
    /// What the rules read.
    pub settings: TenantSettings,
}

/// What is changed of a tenant; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct TenantChange {
    /// The name that people see.
    pub display_name: Option<String>,
    /// Whether its messages are processed.
    pub state: Option<TenantState>,
    /// What the rules read.
    pub settings: Option<TenantSettings>,
}

/// The tenants of the installation.
#[derive(Debug, Clone, Copy)]
pub struct Tenants<'a> {
    store: &'a Store,
}

impl Store {
    /// The tenants of the installation.
    pub fn tenants(&self) -> Tenants<'_> {
        Tenants { store: self }
    }
}

impl Tenants<'_> {
    /// Makes a tenant.
    ///
    /// # Errors
    /// When there is no such agency, or its key or id is taken.
    pub async fn create(&self, new: &NewTenant, author: &Author) -> Result<TenantRecord, StoreError> {
        let row = tenant::Model {
            id: new.id.to_string(),
            agency_id: new.agency.to_string(),
            key: new.key.clone(),
            display_name: new.display_name.clone(),
            state: TenantState::Active.code().to_owned(),
            settings: to_json(&new.settings)?,
            config_rev: 1,
            revision: 1,
            created_at: author.at.micros(),
            updated_at: author.at.micros(),
            deleted_at: None,
        };
        let inserted = &row;
        let write = |txn: Txn| async move {
            let txn = txn.as_ref();
            let agency = agency::Entity::find_by_id(inserted.agency_id.as_str()).one(txn).await?;
            agency.ok_or_else(|| StoreError::not_found("agency"))?;
            author.claim(txn, None, new.id, None).await?;
            tenant::Entity::insert(inserted.clone().into_active_model())
                .exec_without_returning(txn)
                .await
                .map_err(|error| StoreError::from(error).of("tenant"))?;
            audit::append(txn, Owner::Tenant(new.id), author, &Deed::new("tenant.create", new.id)).await
        };
        self.store.write_txn(Lane::Other, "tenant.create", write).await?;
        row.try_into()
    }

    /// The tenant with this id.
    ///
    /// # Errors
    /// When there is none, or it was deleted.
    pub async fn get(&self, tenant: TenantId) -> Result<TenantRecord, StoreError> {
        let query = live().filter(tenant::Column::Id.eq(tenant.to_string()));
        query.one(self.store.reader()).await?.ok_or_else(|| StoreError::not_found("tenant"))?.try_into()
    }

    /// The tenant with this key.
    ///
    /// # Errors
    /// When the agency has none, or it was deleted.
    pub async fn get_by_key(&self, agency: AgencyId, key: &str) -> Result<TenantRecord, StoreError> {
        let query = live()
            .filter(tenant::Column::AgencyId.eq(agency.to_string()))
            .filter(tenant::Column::Key.eq(key));
        query.one(self.store.reader()).await?.ok_or_else(|| StoreError::not_found("tenant"))?.try_into()
    }

    /// The tenants of an agency, or of all; `only` these, where that is said.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list(
        &self,
        agency: Option<AgencyId>,
        only: Option<&[TenantId]>,
        listing: impl Into<Listing>,
        page: Page<Last<TenantId>>,
    ) -> Result<Paged<TenantRecord, Last<TenantId>>, StoreError> {
        let Listing { show, sort } = listing.into();
        let mut query = match show {
            Show::Live => live(),
            // Those that are being purged are left out: they cannot be brought back.
            Show::All => tenant::Entity::find()
                .filter(tenant::Column::DeletedAt.is_null().or(tenant::Column::DeletedAt.gt(0))),
        };
        if let Some(agency) = agency {
            query = query.filter(tenant::Column::AgencyId.eq(agency.to_string()));
        }
        if let Some(only) = only {
            query = query.filter(tenant::Column::Id.is_in(only.iter().map(ToString::to_string)));
        }
        let query = sort.rows(self.store.backend(), query, &COLUMNS, &page);
        page.fill(query.all(self.store.reader()).await?, TenantRecord::try_from, |record| {
            sort.last(record.id, &record.display_name, &record.key)
        })
    }

    /// Changes a tenant that still has this revision.
    ///
    /// # Errors
    /// When there is none, or it has another revision.
    pub async fn update(
        &self,
        tenant: TenantId,
        revision: u64,
        change: &TenantChange,
        author: &Author,
    ) -> Result<TenantRecord, StoreError> {
        let write = |txn: Txn| async move {
            let txn = txn.as_ref();
            let before = self.live(txn, tenant).await?;
            let mut row = self.changed(txn, tenant, revision, author).await?;
            if let Some(name) = &change.display_name {
                row.display_name = Set(name.clone());
            }
            if let Some(state) = change.state {
                row.state = Set(state.code().to_owned());
            }
            if let Some(settings) = &change.settings {
                row.settings = Set(to_json(settings)?);
            }
            let told = audit::change(&before, &row);
            Ok((row.update(txn).await?.try_into()?, told))
        };
        self.store.tenant(tenant).configure_telling(Deed::new("tenant.update", tenant), author, write).await
    }

    async fn live(&self, txn: &DatabaseTransaction, tenant: TenantId) -> Result<tenant::Model, StoreError> {
        let query = live().filter(tenant::Column::Id.eq(tenant.to_string()));
        query.one(txn).await?.ok_or_else(|| StoreError::not_found("tenant"))
    }

    /// The row, with its next revision and the time of the change set.
    async fn changed(
        &self,
        txn: &DatabaseTransaction,
        tenant: TenantId,
        revision: u64,
        author: &Author,
    ) -> Result<tenant::ActiveModel, StoreError> {
        let row = self.live(txn, tenant).await?;
        let next = configure::next_revision(row.revision, revision, "tenant")?;
        let mut row = row.into_active_model();
        row.revision = Set(next);
        row.updated_at = Set(author.at.micros());
        Ok(row)
    }
}

pub(crate) use configure::next_revision;

/// Why the tenant's messages are held; none: they are not.
pub(crate) fn hold_reason(row: &tenant::Model) -> Option<&'static str> {
    if row.deleted_at.is_some() {
        return Some("TENANT_DELETED");
    }
    (row.state == TenantState::Suspended.code()).then_some("SUSPENDED")
}

fn live() -> sea_orm::Select<tenant::Entity> {
    tenant::Entity::find().filter(tenant::Column::DeletedAt.is_null())
}

impl TryFrom<tenant::Model> for TenantRecord {
    type Error = StoreError;

    fn try_from(row: tenant::Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: id(&row.id, "tenants.id")?,
            agency: id(&row.agency_id, "tenants.agency_id")?,
            key: row.key,
            display_name: row.display_name,
            state: TenantState::from_code(&row.state).ok_or_else(|| StoreError::corrupt("tenants.state"))?,
            settings: json(&row.settings, "tenants.settings")?,
            config_rev: number(row.config_rev, "tenants.config_rev")?,
            revision: number(row.revision, "tenants.revision")?,
            created_at: Timestamp::from_micros(row.created_at),
            updated_at: Timestamp::from_micros(row.updated_at),
            deleted_at: row.deleted_at.map(Timestamp::from_micros),
        })
    }
}
