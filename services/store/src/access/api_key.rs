//! API keys: what services of an agency get their tokens with.

use std::collections::BTreeMap;

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait,
    IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
};
use serde_json::json;
use tributary_domain::{
    access::{AgencyRole, PrincipalId},
    id::{AgencyId, ApiKeyId},
    time::Timestamp,
};

use super::{AgencyScope, Appointer, Grants, TokenHash, grant, role};
use crate::{
    Page, Paged, Store, StoreError,
    audit::{self, Author, Deed},
    column::{id, number},
    entity::api_key,
    tenant::next_revision,
    txn::Txn,
};

/// An API key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKeyRecord {
    /// Its id.
    pub id: ApiKeyId,
    /// Whose it is.
    pub agency: AgencyId,
    /// The name that people see.
    pub display_name: String,
    /// Its role in the agency.
    pub role: AgencyRole,
    /// Its roles in single tenants.
    pub grants: Grants,
    /// What its secret begins with.
    pub prefix: String,
    /// Raised by every change: what an update compares.
    pub revision: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// When it stops being valid; none: it does not.
    pub expires_at: Option<Timestamp>,
}

/// An API key that is to be made.
#[derive(Debug, Clone)]
pub struct NewApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// The name that people see.
    pub display_name: String,
    /// Its role in the agency.
    pub role: AgencyRole,
    /// Its roles in single tenants.
    pub grants: Grants,
    /// The hash of its secret.
    pub hash: TokenHash,
    /// What its secret begins with.
    pub prefix: String,
    /// When it stops being valid; none: it does not.
    pub expires_at: Option<Timestamp>,
}

/// What is changed of an API key; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct ApiKeyChange {
    /// The name that people see.
    pub display_name: Option<String>,
    /// Its role in the agency.
    pub role: Option<AgencyRole>,
    /// Its roles in single tenants.
    pub grants: Option<Grants>,
}

impl Store {
    /// The API key whose secret has this hash, if it is valid at `now`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn api_key_by_secret(
        &self,
        hash: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<ApiKeyId>, StoreError> {
        let found = valid(now).filter(api_key::Column::Hash.eq(hash.0.as_str())).one(self.reader()).await?;
        found.map(|row| id(&row.id, "api_keys.id")).transpose()
    }
}

impl AgencyScope<'_> {
    /// The API keys, oldest first; those that have expired too.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn api_keys(&self, page: Page<ApiKeyId>) -> Result<Paged<ApiKeyRecord, ApiKeyId>, StoreError> {
        let mut query = live().filter(api_key::Column::AgencyId.eq(self.key()));
        if let Some(after) = page.after {
            query = query.filter(api_key::Column::Id.gt(after.to_string()));
        }
        let query = query.order_by_asc(api_key::Column::Id).limit(page.rows());
        let rows = query.all(self.store.reader()).await?;
        let mut page = page.fill(rows, |row| of_row(row, Grants::new()), |record| record.id)?;
        let principals = page.items.iter().map(|record| PrincipalId::ApiKey(record.id));
        let mut grants: BTreeMap<_, _> = grant::read(self.store.reader(), principals).await?;
        for record in &mut page.items {
            record.grants = grants.remove(&PrincipalId::ApiKey(record.id)).unwrap_or_default();
        }
        Ok(page)
    }

    /// One API key.
    ///
    /// # Errors
    /// When there is none.
    pub async fn api_key(&self, key: ApiKeyId) -> Result<ApiKeyRecord, StoreError> {
        self.read_api_key(self.store.reader(), key).await
    }

    /// Makes an API key.
    ///
    /// # Errors
    /// When a tenant is not of this agency, or the role is none of `by`'s business.
    pub async fn create_api_key(
        &self,
        new: &NewApiKey,
        by: Appointer,
        author: &Author,
    ) -> Result<ApiKeyRecord, StoreError> {
        by.check(new.role)?;
        let write = |txn: Txn| async move {
            let txn = txn.as_ref();
            self.claim(txn, author, new.id.to_string()).await?;
            let row = api_key::Model {
                id: new.id.to_string(),
                agency_id: self.key(),
                display_name: new.display_name.clone(),
                role: new.role.code().to_owned(),
                hash: new.hash.0.clone(),
                prefix: new.prefix.clone(),
                revision: 1,
                created_at: author.at.micros(),
                updated_at: author.at.micros(),
                expires_at: new.expires_at.map(Timestamp::micros),
                deleted_at: None,
            };
            api_key::Entity::insert(row.clone().into_active_model()).exec_without_returning(txn).await?;
            self.grant(txn, PrincipalId::ApiKey(new.id), &new.grants).await?;
            of_row(row, new.grants.clone())
        };
        self.configure(Deed::new("api_key.create", new.id), author, write).await
    }

    /// Changes an API key that still has this revision.
    ///
    /// # Errors
    /// When there is none, it has another revision, a tenant is not of this agency, or its role is none of `by`'s
    /// business.
    pub async fn update_api_key(
        &self,
        key: ApiKeyId,
        revision: u64,
        change: &ApiKeyChange,
        by: Appointer,
        author: &Author,
    ) -> Result<ApiKeyRecord, StoreError> {
        let write = |txn: Txn| async move {
            let txn = txn.as_ref();
            let now = self.read_api_key(txn, key).await?;
            let before = self.api_key_row(txn, key).await?;
            let mut row = self.changed_api_key(txn, key, revision, by, author).await?;
            if let Some(name) = &change.display_name {
                row.display_name = Set(name.clone());
            }
            if let Some(role) = change.role {
                by.check(role)?;
                row.role = Set(role.code().to_owned());
            }
            let mut told = audit::change(&before, &row);
            row.update(txn).await?;
            if let Some(grants) = &change.grants {
                told["before"]["grants"] = json!(now.grants);
                told["after"]["grants"] = json!(grants);
                self.grant(txn, PrincipalId::ApiKey(key), grants).await?;
            }
            Ok((self.read_api_key(txn, key).await?, told))
        };
        self.configure_telling(Deed::new("api_key.update", key), author, write).await
    }

    /// Takes an API key away: it and the tokens it led to are refused from now on.
    ///
    /// # Errors
    /// As [`AgencyScope::update_api_key`].
    pub async fn delete_api_key(
        &self,
        key: ApiKeyId,
        revision: u64,
        by: Appointer,
        author: &Author,
    ) -> Result<(), StoreError> {
        let write = |txn: Txn| async move {
            let txn = txn.as_ref();
            let mut row = self.changed_api_key(txn, key, revision, by, author).await?;
            row.deleted_at = Set(Some(author.at.micros()));
            row.update(txn).await?;
            grant::clear(txn, PrincipalId::ApiKey(key)).await
        };
        self.configure(Deed::new("api_key.delete", key), author, write).await
    }

    /// The row, with its next revision and the time of the change set.
    async fn changed_api_key(
        &self,
        connection: &impl ConnectionTrait,
        key: ApiKeyId,
        revision: u64,
        by: Appointer,
        author: &Author,
    ) -> Result<api_key::ActiveModel, StoreError> {
        let row = self.api_key_row(connection, key).await?;
        by.check(role(&row.role, "api_keys.role")?)?;
        let next = next_revision(row.revision, revision, "api key")?;
        let mut row = row.into_active_model();
        row.revision = Set(next);
        row.updated_at = Set(author.at.micros());
        Ok(row)
    }

    async fn read_api_key(
        &self,
        connection: &impl ConnectionTrait,
        key: ApiKeyId,
    ) -> Result<ApiKeyRecord, StoreError> {
        let row = self.api_key_row(connection, key).await?;
        of_row(row, grant::of(connection, PrincipalId::ApiKey(key)).await?)
    }

    async fn api_key_row(
        &self,
        connection: &impl ConnectionTrait,
        key: ApiKeyId,
    ) -> Result<api_key::Model, StoreError> {
        let query = live()
            .filter(api_key::Column::Id.eq(key.to_string()))
            .filter(api_key::Column::AgencyId.eq(self.key()));
        query.one(connection).await?.ok_or_else(|| StoreError::not_found("api key"))
    }
}

fn live() -> sea_orm::Select<api_key::Entity> {
    api_key::Entity::find().filter(api_key::Column::DeletedAt.is_null())
}

/// Those that may be used at `now`.
pub(super) fn valid(now: Timestamp) -> sea_orm::Select<api_key::Entity> {
    let expires = api_key::Column::ExpiresAt;
    live().filter(expires.is_null().or(expires.gt(now.micros())))
}

fn of_row(row: api_key::Model, grants: Grants) -> Result<ApiKeyRecord, StoreError> {
    Ok(ApiKeyRecord {
        id: id(&row.id, "api_keys.id")?,
        agency: id(&row.agency_id, "api_keys.agency_id")?,
        display_name: row.display_name,
        role: role(&row.role, "api_keys.role")?,
        grants,
        prefix: row.prefix,
        revision: number(row.revision, "api_keys.revision")?,
        created_at: Timestamp::from_micros(row.created_at),
        updated_at: Timestamp::from_micros(row.updated_at),
        expires_at: row.expires_at.map(Timestamp::from_micros),
    })
}
