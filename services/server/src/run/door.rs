//! What the door knows: every source, from memory.

use std::{fmt, sync::Arc, time::Duration};

use anyhow::Context;
use tokio::{sync::Mutex, time::sleep};
use tokio_util::sync::CancellationToken;
use tributary_connectors::sources;
use tributary_domain::id::{SourceId, TenantId};
use tributary_ingest::{SecretHash, SourceDirectory, SourceEntry, SourceSecret, SourceState};
use tributary_store::{
    Store, StoreError,
    source::{DoorSource, DoorTenant},
};

/// Fills the directory with every source there is, and what is known of their tenants.
pub(super) async fn load(store: &Store, directory: &SourceDirectory) -> anyhow::Result<()> {
    for tenant in store.door_tenants().await.context("the tenants cannot be loaded")? {
        apply(directory, &tenant);
    }
    let sources = store.door_sources().await.context("the sources cannot be loaded")?;
    directory.replace_all(sources.iter().filter_map(entry));
    Ok(())
}

/// How long a source that could not be read rests before it is tried again, at first and at most.
const REST: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));

/// Keeps what the door knows like what is stored.
pub(super) struct Doorkeeper {
    store: Store,
    directory: Arc<SourceDirectory>,
    /// Reading and replacing are one step: otherwise, of two changes, what was read first could be told last.
    turn: Mutex<()>,
    /// Ends what is tried again.
    stop: CancellationToken,
}

impl fmt::Debug for Doorkeeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Doorkeeper").finish_non_exhaustive()
    }
}

impl Doorkeeper {
    /// Keeps `directory` like `store`, until `stop` is cancelled.
    pub(super) fn new(store: Store, directory: Arc<SourceDirectory>, stop: CancellationToken) -> Arc<Self> {
        Arc::new(Self { store, directory, turn: Mutex::default(), stop })
    }

    /// Reads one source again. When the database fails, it is tried again in the background until it is read: a
    /// deleted source or an old secret must not stay open until the next start.
    pub(super) async fn reload(self: &Arc<Self>, tenant: TenantId, source: SourceId) {
        self.reload_all(tenant, Some(source)).await;
    }

    /// Reads what the sources of a tenant share again; otherwise as [`Self::reload`].
    pub(super) async fn reload_tenant(self: &Arc<Self>, tenant: TenantId) {
        self.reload_all(tenant, None).await;
    }

    /// Forgets what was removed.
    pub(super) async fn forget(&self, is_gone: impl Fn(&SourceEntry) -> bool) {
        let _turn = self.turn.lock().await;
        self.directory.remove(is_gone);
    }

    async fn reload_all(self: &Arc<Self>, tenant: TenantId, source: Option<SourceId>) {
        if let Err(error) = self.read_again(tenant, source).await {
            tracing::error!(%error, %tenant, ?source, "the door does not know a change yet: it is tried again");
            tokio::spawn(Arc::clone(self).persist(tenant, source));
        }
    }

    async fn persist(self: Arc<Self>, tenant: TenantId, source: Option<SourceId>) {
        let (mut rest, longest) = REST;
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = sleep(rest) => {}
            }
            match self.read_again(tenant, source).await {
                Ok(()) => {
                    tracing::info!(%tenant, ?source, "the door knows the change now");
                    return;
                }
                Err(error) => tracing::warn!(%error, %tenant, ?source, "the change is still not read"),
            }
            rest = rest.saturating_mul(2).min(longest);
        }
    }

    async fn read_again(&self, tenant: TenantId, source: Option<SourceId>) -> Result<(), StoreError> {
        let _turn = self.turn.lock().await;
        let scope = self.store.tenant(tenant);
        match source {
            Some(source) => {
                if let Some((entry, secrets)) = entry(&scope.door_source(source).await?) {
                    self.directory.replace_source(entry, &secrets);
                }
            }
            None => {
                if let Some(found) = scope.door_tenant().await? {
                    apply(&self.directory, &found);
                }
            }
        }
        Ok(())
    }
}

/// Tells the gate of a tenant what is known of it.
fn apply(directory: &SourceDirectory, tenant: &DoorTenant) {
    let (gate, quota) = (directory.gate(tenant.tenant), &tenant.quota);
    gate.set_shut(tenant.is_deleted);
    let body_limit = if quota.max_body_bytes == 0 { u64::MAX } else { quota.max_body_bytes };
    gate.set_body_limit(usize::try_from(body_limit).unwrap_or(usize::MAX));
    gate.set_rate(quota.requests_per_second, quota.burst());
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
        Some(SourceSecret { hash: SecretHash::from_hex(hash).ok()?, expires_at: *expires_at, key: None })
    });
    let mut secrets: Vec<_> = secrets.collect();
    let keys: Vec<String> = source.signing_keys.iter().map(|key| key.expose().to_owned()).collect();
    // What comes to the connection's URL is signed with its key; what comes to the source's own is signed as its owner set.
    if let Some((key, hash)) = &source.connection {
        let key = Some(key.expose().to_owned());
        secrets.extend(SecretHash::from_hex(hash).ok().map(|hash| SourceSecret {
            hash,
            expires_at: None,
            key,
        }));
    }
    let entry = SourceEntry {
        tenant: source.tenant,
        source: source.source,
        provider,
        settings: Arc::new(settings),
        keys,
        body_limit: usize::try_from(source.body_limit).unwrap_or(usize::MAX),
        state: if source.is_deleted { SourceState::Deleted } else { SourceState::Live },
    };
    Some((entry, secrets))
}

#[cfg(test)]
pub(super) mod tests {
    use tributary_domain::{id::AgencyId, tenant::TenantSettings, time::Timestamp};
    use tributary_store::{
        Sealer, StoreOptions,
        agency::NewAgency,
        audit::Author,
        source::{NewSource, UrlSecret},
        tenant::NewTenant,
    };

    use super::*;

    /// Makes a source, and the tenant and agency that it belongs to.
    pub(in crate::run) async fn make(store: &Store, tenant: TenantId, source: SourceId) {
        let author = Author::new("test", Timestamp::from_seconds(1));
        let (agency, name) = (AgencyId::new(1, 1), || "one".to_owned());
        let new = NewAgency { id: agency, key: name(), display_name: name() };
        store.agencies().create(&new, &author).await.unwrap();
        let settings = TenantSettings::default();
        let new = NewTenant { id: tenant, agency, key: name(), display_name: name(), settings };
        store.tenants().create(&new, &author).await.unwrap();
        let new = NewSource {
            id: source,
            key: name(),
            display_name: name(),
            provider: "calendly".to_owned(),
            settings: serde_json::json!({}),
            signing_keys: Vec::new(),
            body_limit: 1 << 20,
            secret: UrlSecret::of("secret"),
        };
        store.tenant(tenant).create_source(&new, &author).await.unwrap();
    }

    #[tokio::test]
    async fn a_source_that_could_not_be_read_is_tried_again_until_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("tributary.db").display());
        let store = Store::open(&url, StoreOptions::new(Sealer::new([7; 32]))).await.unwrap();
        let directory = Arc::new(SourceDirectory::default());
        let stop = CancellationToken::new();
        let keeper = Doorkeeper::new(store.clone(), Arc::clone(&directory), stop.clone());
        let (tenant, source) = (TenantId::new(1, 2), SourceId::new(1, 3));
        // The database has no tables yet, so that nothing can be read.
        keeper.reload(tenant, source).await;
        let is_known = || format!("{directory:?}").contains("SourceEntry");
        assert!(!is_known());
        store.migrate().await.unwrap();
        make(&store, tenant, source).await;
        let known = async {
            while !is_known() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), known).await.expect("the door knows it in the end");

        // What is tried for ever ends with the server.
        stop.cancel();
        keeper.persist(tenant, Some(SourceId::new(1, 4))).await;
    }
}
