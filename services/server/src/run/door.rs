//! What the door knows: every source, from memory.

use std::sync::Arc;

use anyhow::Context;
use tributary_connectors::sources;
use tributary_domain::id::{SourceId, TenantId};
use tributary_ingest::{SecretHash, SourceDirectory, SourceEntry, SourceSecret, SourceState};
use tributary_store::{Store, StoreError, source::DoorSource};

/// Fills the directory with every source there is.
pub(super) async fn load(store: &Store, directory: &SourceDirectory) -> anyhow::Result<()> {
    let sources = store.door_sources().await.context("the sources cannot be loaded")?;
    directory.replace_all(sources.iter().filter_map(entry));
    Ok(())
}

/// Reads one source again.
pub(super) async fn reload(
    store: &Store,
    directory: &SourceDirectory,
    tenant: TenantId,
    source: SourceId,
) -> Result<(), StoreError> {
    if let Some((entry, secrets)) = entry(&store.tenant(tenant).door_source(source).await?) {
        directory.replace_source(entry, &secrets);
    }
    Ok(())
}

/// A source whose provider or settings this build does not know has no door: it was configured by a newer one.
fn entry(source: &DoorSource) -> Option<(SourceEntry, Vec<SourceSecret>)> {
    let provider = sources::provider(&source.provider);
    let settings = provider.and_then(|provider| provider.check_settings(&source.settings).ok());
    let (Some(provider), Some(settings)) = (provider, settings) else {
        tracing::error!(source = %source.source, "the source's provider or settings are not known: its door stays shut");
        return None;
    };
    let secrets = source.secrets.iter().filter_map(|(hash, expires_at)| {
        Some(SourceSecret { hash: SecretHash::from_hex(hash).ok()?, expires_at: *expires_at })
    });
    let secrets = secrets.collect();
    let entry = SourceEntry {
        tenant: source.tenant,
        source: source.source,
        provider,
        settings: Arc::new(settings),
        keys: source.signing_keys.iter().map(|key| key.expose().to_owned()).collect(),
        body_limit: usize::try_from(source.body_limit).unwrap_or(usize::MAX),
        state: if source.is_deleted { SourceState::Deleted } else { SourceState::Live },
    };
    Some((entry, secrets))
}
