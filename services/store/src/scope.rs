//! The one door to a tenant's data (invariant 7).

use tributary_domain::id::TenantId;

use crate::Store;

/// One tenant's view of the store. Every query it makes names the tenant, so what belongs to another one is not found.
/// Its methods stand with their resource: sources in `source`, workflows in `workflow`, and so on.
#[derive(Debug, Clone, Copy)]
pub struct TenantScope<'a> {
    store: &'a Store,
    tenant: TenantId,
}

impl<'a> TenantScope<'a> {
    pub(crate) fn new(store: &'a Store, tenant: TenantId) -> Self {
        Self { store, tenant }
    }

    /// Whose view it is.
    pub fn id(&self) -> TenantId {
        self.tenant
    }

    pub(crate) fn store(&self) -> &'a Store {
        self.store
    }

    /// The tenant's id as the tables have it.
    pub(crate) fn key(&self) -> String {
        self.tenant.to_string()
    }
}
