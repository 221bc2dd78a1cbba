//! Agencies: they own tenants.

use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect};
use tributary_domain::{id::AgencyId, time::Timestamp};

use crate::{
    Lane, Page, Paged, Store, StoreError,
    audit::{self, Author, Deed, Owner},
    column::id,
    entity::agency,
    txn::Txn,
};

/// An agency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgencyRecord {
    /// Its id.
    pub id: AgencyId,
    /// Its owner's name for it in configuration; unique, and never changed.
    pub key: String,
    /// The name that people see.
    pub display_name: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

/// An agency that is to be made.
#[derive(Debug, Clone)]
pub struct NewAgency {
    /// Its id.
    pub id: AgencyId,
    /// Its key.
    pub key: String,
    /// The name that people see.
    pub display_name: String,
}

/// The agencies of the installation.
#[derive(Debug, Clone, Copy)]
pub struct Agencies<'a> {
    store: &'a Store,
}

impl Store {
    /// The agencies of the installation.
    pub fn agencies(&self) -> Agencies<'_> {
        Agencies { store: self }
    }
}

impl Agencies<'_> {
    /// Makes an agency.
    ///
    /// # Errors
    /// When its key or id is taken.
    pub async fn create(&self, new: &NewAgency, author: &Author) -> Result<AgencyRecord, StoreError> {
        let row = agency::Model {
            id: new.id.to_string(),
            key: new.key.clone(),
            display_name: new.display_name.clone(),
            created_at: author.at.micros(),
            updated_at: author.at.micros(),
            access_rev: 1,
        };
        let inserted = &row;
        let write = |txn: Txn| async move {
            let txn = txn.as_ref();
            author.claim(txn, None, new.id, None).await?;
            agency::Entity::insert(inserted.clone().into_active_model())
                .exec_without_returning(txn)
                .await
                .map_err(|error| StoreError::from(error).of("agency"))?;
            audit::append(txn, Owner::Agency(new.id), author, &Deed::new("agency.create", new.id)).await
        };
        self.store.write_txn(Lane::Other, "agency.create", write).await?;
        row.try_into()
    }

    /// The agency with this id.
    ///
    /// # Errors
    /// When there is none.
    pub async fn get(&self, agency: AgencyId) -> Result<AgencyRecord, StoreError> {
        let row = agency::Entity::find_by_id(agency.to_string()).one(self.store.reader()).await?;
        row.ok_or_else(|| StoreError::not_found("agency"))?.try_into()
    }

    /// The agency with this key.
    ///
    /// # Errors
    /// When there is none.
    pub async fn get_by_key(&self, key: &str) -> Result<AgencyRecord, StoreError> {
        let row = agency::Entity::find().filter(agency::Column::Key.eq(key)).one(self.store.reader()).await?;
        row.ok_or_else(|| StoreError::not_found("agency"))?.try_into()
    }

    /// All agencies, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list(&self, page: Page<AgencyId>) -> Result<Paged<AgencyRecord, AgencyId>, StoreError> {
        let mut query = agency::Entity::find();
        if let Some(after) = page.after {
            query = query.filter(agency::Column::Id.gt(after.to_string()));
        }
        let query = query.order_by_asc(agency::Column::Id).limit(page.rows());
        page.fill(query.all(self.store.reader()).await?, AgencyRecord::try_from, |record| record.id)
    }
}

impl TryFrom<agency::Model> for AgencyRecord {
    type Error = StoreError;

    fn try_from(row: agency::Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: id(&row.id, "agencies.id")?,
            key: row.key,
            display_name: row.display_name,
            created_at: Timestamp::from_micros(row.created_at),
            updated_at: Timestamp::from_micros(row.updated_at),
        })
    }
}
