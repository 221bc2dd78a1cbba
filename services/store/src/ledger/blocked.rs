//! The values that are no evidence, as the ledger remembers them: they are few, only the ledger changes them, and each event
//! asks for them.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter};
use tributary_domain::{id::TenantId, identity::IdentifierType};

use crate::{Store, StoreError, column::id, entity::blocked_identifier};

/// Type and normalised value.
type Values = BTreeSet<(IdentifierType, String)>;

/// The blocked values of every tenant that has some; not known until the ledger reads them.
#[derive(Default)]
pub(crate) struct Blocked(Option<HashMap<TenantId, Arc<Values>>>);

impl Blocked {
    /// What is blocked in a tenant.
    pub(super) fn of(&self, tenant: TenantId) -> Arc<Values> {
        self.0.as_ref().and_then(|known| known.get(&tenant)).cloned().unwrap_or_default()
    }

    /// Notes what was committed.
    pub(super) fn add(&mut self, tenant: TenantId, kind: IdentifierType, value: String) {
        if let Some(known) = &mut self.0 {
            Arc::make_mut(known.entry(tenant).or_default()).insert((kind, value));
        }
    }

    /// Notes what was committed.
    pub(super) fn remove(&mut self, tenant: TenantId, kind: IdentifierType, value: String) {
        if let Some(values) = self.0.as_mut().and_then(|known| known.get_mut(&tenant)) {
            Arc::make_mut(values).remove(&(kind, value));
        }
    }

    /// They are read again before they are asked for: it is not known what was committed.
    pub(super) fn forget(&mut self) {
        self.0 = None;
    }

    /// Reads them, if they are not known.
    pub(super) async fn know(&mut self, store: &Store) -> Result<(), StoreError> {
        if self.0.is_some() {
            return Ok(());
        }
        *self = Self::read(blocked_identifier::Entity::find().all(store.reader()).await?)?;
        Ok(())
    }

    /// Those of one tenant, as they are stored.
    pub(super) async fn of_tenant(txn: &DatabaseTransaction, tenant: TenantId) -> Result<Self, StoreError> {
        let rows = blocked_identifier::Entity::find()
            .filter(blocked_identifier::Column::TenantId.eq(tenant.to_string()));
        Self::read(rows.all(txn).await?)
    }

    fn read(rows: Vec<blocked_identifier::Model>) -> Result<Self, StoreError> {
        let mut known: HashMap<TenantId, Values> = HashMap::new();
        for row in rows {
            let tenant = id(&row.tenant_id, "blocked_identifiers.tenant_id")?;
            let kind = IdentifierType::parse(&row.kind)
                .ok_or_else(|| StoreError::corrupt("blocked_identifiers.kind"))?;
            known.entry(tenant).or_default().insert((kind, row.value));
        }
        Ok(Self(Some(known.into_iter().map(|(tenant, values)| (tenant, Arc::new(values))).collect())))
    }
}

impl std::fmt::Debug for Blocked {
    /// Without the values: they may be personal.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Blocked").field(&self.0.as_ref().map(HashMap::len)).finish()
    }
}
