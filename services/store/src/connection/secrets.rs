//! What a connection keeps sealed.

use serde::{Deserialize, Serialize};
use tributary_domain::id::{SourceId, TenantId};

use crate::{
    Sealer, Secret, StoreError, TenantScope,
    column::to_json,
    entity::connection,
    seal::{Holder, Place},
};

/// The secrets of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionSecrets {
    /// What the provider's API is called with.
    pub token: Secret,
    /// What deliveries are signed with.
    pub signing_key: Secret,
    /// The secret part of the URL that deliveries are sent to.
    pub url: Secret,
}

impl TenantScope<'_> {
    pub(super) fn seal_connection(
        &self,
        source: SourceId,
        secrets: &ConnectionSecrets,
    ) -> Result<Vec<u8>, StoreError> {
        self.store().sealer().seal(place(self.id(), &source.to_string()), to_json(secrets)?.as_bytes())
    }
}

/// The secrets of a row of `tenant`.
pub(crate) fn open_secrets(
    sealer: &Sealer,
    tenant: TenantId,
    row: &connection::Model,
) -> Result<ConnectionSecrets, StoreError> {
    let clear = sealer.open(place(tenant, &row.source_id), &row.secrets)?;
    serde_json::from_slice(&clear).map_err(|_| StoreError::corrupt("connections.secrets"))
}

fn place(tenant: TenantId, source: &str) -> Place<'_> {
    Place { holder: Holder::Tenant(tenant), table: "connections", row: source, column: "secrets" }
}
