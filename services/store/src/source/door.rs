//! What the door knows of every source, so that accepting a request asks no database.

use std::collections::HashMap;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect, Select};
use serde_json::Value;
use tributary_domain::{
    id::{SourceId, TenantId},
    quota::Quota,
    time::Timestamp,
};

use super::keys_place;
use crate::{
    Secret, Store, StoreError, TenantScope,
    column::{id, json, number},
    connection::open_secrets,
    entity::{connection, source, source_secret, tenant, tenant_quota},
    quota::QuotaRecord,
};

/// A source as its door sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct DoorSource {
    /// Whose it is.
    pub tenant: TenantId,
    /// Its id.
    pub source: SourceId,
    /// The name that people see.
    pub display_name: String,
    /// The preset, such as `calendly`.
    pub provider: String,
    /// The preset's settings.
    pub settings: Value,
    /// The keys that its provider signs with, in the clear.
    pub signing_keys: Vec<Secret>,
    /// What its connection to its provider adds: the key that its deliveries are signed with, and the hash of the secret of
    /// their URL; none: it has no connection.
    pub connection: Option<(Secret, String)>,
    /// The hashes of its URL secrets, see [`super::UrlSecret::hash_of`], and until when each is valid.
    pub secrets: Vec<(String, Option<Timestamp>)>,
    /// The largest body that it takes, in bytes.
    pub body_limit: u64,
    /// Whether it was deleted: its door answers 410.
    pub is_deleted: bool,
}

/// What the door knows of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoorTenant {
    /// Its id.
    pub tenant: TenantId,
    /// Whether it was deleted: the doors of its sources answer 410.
    pub is_deleted: bool,
    /// What it may use.
    pub quota: Quota,
}

impl Store {
    /// What the door knows of every tenant. This reads across tenants; each answer names its own.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn door_tenants(&self) -> Result<Vec<DoorTenant>, StoreError> {
        self.load_door_tenants(tenant::Entity::find(), tenant_quota::Entity::find()).await
    }

    async fn load_door_tenants(
        &self,
        tenants: Select<tenant::Entity>,
        quotas: Select<tenant_quota::Entity>,
    ) -> Result<Vec<DoorTenant>, StoreError> {
        let mut known = HashMap::new();
        for row in quotas.all(self.reader()).await? {
            known.insert(row.tenant_id.clone(), QuotaRecord::try_from(row)?.quota);
        }
        let rows: Vec<(String, Option<i64>)> = tenants
            .select_only()
            .columns([tenant::Column::Id, tenant::Column::DeletedAt])
            .into_tuple()
            .all(self.reader())
            .await?;
        rows.into_iter()
            .map(|(tenant, deleted)| {
                Ok(DoorTenant {
                    quota: known.remove(&tenant).unwrap_or_default(),
                    tenant: id(&tenant, "tenants.id")?,
                    is_deleted: deleted.is_some(),
                })
            })
            .collect()
    }

    /// Every source of every tenant, the deleted ones too: what the door keeps in memory. This reads across tenants;
    /// each answer names its own.
    ///
    /// # Errors
    /// When the database fails, or a signing key cannot be opened: the master key is another.
    pub async fn door_sources(&self) -> Result<Vec<DoorSource>, StoreError> {
        self.load_door(source::Entity::find(), source_secret::Entity::find(), connection::Entity::find())
            .await
    }

    async fn load_door(
        &self,
        sources: Select<source::Entity>,
        secrets: Select<source_secret::Entity>,
        connections: Select<connection::Entity>,
    ) -> Result<Vec<DoorSource>, StoreError> {
        let mut connected = HashMap::new();
        for row in connections.all(self.reader()).await? {
            let tenant = id(&row.tenant_id, "connections.tenant_id")?;
            let key = open_secrets(self.sealer(), tenant, &row)?.signing_key;
            connected.insert(row.source_id, (key, row.url_hash));
        }
        let mut hashes: HashMap<String, Vec<(String, Option<Timestamp>)>> = HashMap::new();
        for secret in secrets.all(self.reader()).await? {
            let expires = secret.expires_at.map(Timestamp::from_micros);
            hashes.entry(secret.source_id).or_default().push((secret.hash, expires));
        }
        let rows = sources.all(self.reader()).await?;
        rows.into_iter()
            .map(|row| {
                let secrets = hashes.remove(&row.id).unwrap_or_default();
                let connection = connected.remove(&row.id);
                Ok(DoorSource { connection, ..self.door_source_of(row, secrets)? })
            })
            .collect()
    }

    fn door_source_of(
        &self,
        row: source::Model,
        secrets: Vec<(String, Option<Timestamp>)>,
    ) -> Result<DoorSource, StoreError> {
        let tenant = id(&row.tenant_id, "sources.tenant_id")?;
        let signing_keys = match &row.signing_keys {
            Some(sealed) => {
                let clear = self.sealer().open(keys_place(tenant, &row.id), sealed)?;
                serde_json::from_slice(&clear).map_err(|_| StoreError::corrupt("sources.signing_keys"))?
            }
            None => Vec::new(),
        };
        Ok(DoorSource {
            tenant,
            source: id(&row.id, "sources.id")?,
            display_name: row.display_name,
            provider: row.provider,
            settings: json(&row.settings, "sources.settings")?,
            signing_keys,
            connection: None,
            secrets,
            body_limit: number(row.body_limit, "sources.body_limit")?,
            is_deleted: row.deleted_at.is_some(),
        })
    }
}

impl TenantScope<'_> {
    /// What the door knows of the tenant, to be loaded again after a change; none: it is not there any more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn door_tenant(&self) -> Result<Option<DoorTenant>, StoreError> {
        let own = tenant::Entity::find_by_id(self.key());
        let quota = tenant_quota::Entity::find_by_id(self.key());
        Ok(self.store().load_door_tenants(own, quota).await?.into_iter().next())
    }

    /// One source as its door sees it, to be loaded again after a change; the deleted ones too.
    ///
    /// # Errors
    /// When the tenant never had it, and as [`Store::door_sources`].
    pub async fn door_source(&self, source: SourceId) -> Result<DoorSource, StoreError> {
        let sources = source::Entity::find()
            .filter(source::Column::TenantId.eq(self.key()))
            .filter(source::Column::Id.eq(source.to_string()));
        let secrets = source_secret::Entity::find()
            .filter(source_secret::Column::TenantId.eq(self.key()))
            .filter(source_secret::Column::SourceId.eq(source.to_string()));
        let connections = connection::Entity::find()
            .filter(connection::Column::TenantId.eq(self.key()))
            .filter(connection::Column::SourceId.eq(source.to_string()));
        let found = self.store().load_door(sources, secrets, connections).await?;
        found.into_iter().next().ok_or_else(|| StoreError::not_found("source"))
    }
}
