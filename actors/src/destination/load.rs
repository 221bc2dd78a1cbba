//! What is known of a destination, as it is loaded for its actor.

use std::{collections::HashMap, sync::Arc};

use tributary_connectors::destinations;
use tributary_domain::id::{DestinationId, SourceId, TenantId};
use tributary_store::{Store, StoreError, destination::DestinationState};

use super::attempt::Target;

/// How to reach it, if it is to be reached, and the names of its tenant's sources.
pub(super) type Loaded = (Option<Arc<Target>>, HashMap<SourceId, String>);

/// Loads a destination that is enabled and whose tenant is there.
///
/// # Errors
/// When the database fails, or has something that this build cannot read.
pub(super) async fn load_target(
    store: &Store,
    tenant: TenantId,
    destination: DestinationId,
) -> Result<Loaded, StoreError> {
    let scope = store.tenant(tenant);
    let found = match store.tenants().get(tenant).await {
        Ok(_) => scope.destination(destination).await,
        Err(error) => Err(error),
    };
    let record = match found {
        Err(StoreError::NotFound { .. }) => return Ok((None, HashMap::new())),
        record => record?,
    };
    let platform = destinations::find(&record.platform).filter(|_| record.state == DestinationState::Enabled);
    let Some(platform) = platform else { return Ok((None, HashMap::new())) };
    let secrets = scope.destination_secrets(destination).await?;
    let target = Target {
        platform,
        settings: record.settings,
        revision: record.revision,
        credential: record.credential,
        secrets: secrets.into_iter().map(|(name, secret)| (name, secret.expose().to_owned())).collect(),
        event_names: record.event_names,
    };
    Ok((Some(Arc::new(target)), scope.source_names().await?))
}
