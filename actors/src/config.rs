//! A tenant's configuration, as it is loaded for the source and workflow actors.

use std::sync::Arc;

use tributary_domain::id::{SourceId, TenantId};
use tributary_planner::{Configuration, SourceConfig, TenantConfig};
use tributary_store::{Store, StoreError};

/// What there is for a source.
#[derive(Debug)]
pub(crate) enum Loaded {
    /// Its configuration. No source: there never was one with this id, or its provider is of a newer build.
    Readable(Arc<TenantConfig>, Option<Arc<SourceConfig>>),
    /// A configuration that this build cannot read: nothing can be planned with it until somebody mends it.
    Unreadable {
        /// Its revision, as [`revision`] has it.
        rev: i64,
        /// What cannot be read.
        why: StoreError,
    },
}

/// Loads and compiles the configuration in force for `source`. An error is transient: what stays wrong until somebody
/// mends it concerns this tenant alone, and must not stop the others.
pub(crate) async fn load(store: &Store, tenant: TenantId, source: SourceId) -> Result<Loaded, StoreError> {
    match read(store, tenant, source).await {
        Err(error) if !error.is_transient() => {}
        loaded => return loaded,
    }
    // Once more, now that the revision is known: the ledger refuses what was planned for another one, so nothing is
    // parked that was mended meanwhile.
    let rev = revision(store, tenant).await?;
    match read(store, tenant, source).await {
        Err(why) if !why.is_transient() => Ok(Loaded::Unreadable { rev, why }),
        loaded => loaded,
    }
}

/// The revision of a tenant's configuration, whatever the rest of it looks like. Of a tenant that is not there it is
/// nothing that anybody compares.
pub(crate) async fn revision(store: &Store, tenant: TenantId) -> Result<i64, StoreError> {
    Ok(store.tenant(tenant).config_rev().await?.unwrap_or_default())
}

async fn read(store: &Store, tenant: TenantId, source: SourceId) -> Result<Loaded, StoreError> {
    let Configuration { tenant, source } =
        Configuration::compile(store.tenant(tenant).snapshot(source).await?)?;
    Ok(Loaded::Readable(tenant, source))
}
