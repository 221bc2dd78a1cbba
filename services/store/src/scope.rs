//! The one door to a tenant's data (invariant 7).

use tributary_domain::id::TenantId;

use crate::{ReadSession, Store, StoreError};

/// One tenant's view of the store. Every query it makes names the tenant, so what belongs to another one is not found.
/// Its methods stand with their resource: sources in `source`, workflows in `workflow`, and so on.
#[derive(Debug, Clone, Copy)]
pub struct TenantScope<'a> {
    store: &'a Store,
    tenant: TenantId,
    session: Option<&'a ReadSession>,
}

impl<'a> TenantScope<'a> {
    pub(crate) fn new(store: &'a Store, tenant: TenantId) -> Self {
        Self { store, tenant, session: None }
    }

    /// Whose view it is.
    pub fn id(&self) -> TenantId {
        self.tenant
    }

    pub(crate) fn store(&self) -> &'a Store {
        self.store
    }

    /// The beginning of several reads that belong together: see [`TenantScope::within`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn read_session(&self) -> Result<ReadSession, StoreError> {
        Ok(self.reader().session().await?)
    }

    /// The same view, reading in the transaction of `session`, one statement after the other.
    pub fn within<'b>(&self, session: &'b ReadSession) -> TenantScope<'b>
    where
        'a: 'b,
    {
        TenantScope { session: Some(session), ..*self }
    }

    /// What it reads in, where that is not up to each statement.
    pub(crate) fn reading(&self) -> Option<&'a ReadSession> {
        self.session
    }

    /// The tenant's id as the tables have it.
    pub(crate) fn key(&self) -> String {
        self.tenant.to_string()
    }
}
