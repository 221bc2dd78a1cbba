//! A tenant's configuration, compiled: what the source and workflow actors hold.

use std::{sync::Arc, time::Duration};

use tributary_connectors::sources::{self, Provider, SourceSettings};
use tributary_domain::{
    filter::CompiledFilter,
    id::{DestinationId, SourceId, TenantId, WorkflowId},
    tenant::TenantSettings,
    workflow::compile::CompiledWorkflow,
};
use tributary_store::{
    Store, StoreError,
    snapshot::{RouteRecord, SourceSnapshot},
};

/// What holds for all sources of a tenant.
#[derive(Debug)]
pub(crate) struct TenantConfig {
    pub(crate) rev: i64,
    /// Why messages are held; none: they are not.
    pub(crate) hold: Option<&'static str>,
    pub(crate) settings: Arc<TenantSettings>,
    pub(crate) routes: Vec<Route>,
    /// All of them, without their filters.
    pub(crate) destinations: Arc<[DestinationId]>,
}

/// A destination that events may go to.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) destination: DestinationId,
    pub(crate) filter: Option<CompiledFilter>,
}

/// A source and what runs for it.
#[derive(Debug)]
pub(crate) struct SourceConfig {
    pub(crate) display_name: String,
    pub(crate) provider: &'static dyn Provider,
    pub(crate) settings: SourceSettings,
    pub(crate) workflows: Vec<Arc<WorkflowConfig>>,
}

/// A workflow and the version of it that runs.
#[derive(Debug)]
pub(crate) struct WorkflowConfig {
    pub(crate) id: WorkflowId,
    /// 0 when none is published.
    pub(crate) version: u32,
    pub(crate) compiled: Option<CompiledWorkflow>,
    pub(crate) delay: Duration,
}

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
    let snapshot = store.tenant(tenant).snapshot(source).await?;
    let routes: Result<Vec<Route>, StoreError> = snapshot.routes.iter().map(route).collect();
    let config = TenantConfig {
        rev: snapshot.config_rev,
        hold: snapshot.hold,
        settings: Arc::new(snapshot.settings),
        destinations: snapshot.routes.iter().map(|route| route.destination).collect(),
        routes: routes?,
    };
    let source = snapshot.source.map(compile).transpose()?.flatten();
    Ok(Loaded::Readable(Arc::new(config), source.map(Arc::new)))
}

/// A filter that does not compile was refused when it was written: this one is from a newer build. To go on without
/// it would lose deliveries.
fn route(record: &RouteRecord) -> Result<Route, StoreError> {
    let filter = record.filter.as_ref().map(CompiledFilter::compile).transpose();
    let filter = filter.map_err(|_| StoreError::Corrupt { what: "destinations.filter" })?;
    Ok(Route { destination: record.destination, filter })
}

fn compile(source: SourceSnapshot) -> Result<Option<SourceConfig>, StoreError> {
    let Some(provider) = sources::provider(&source.provider) else { return Ok(None) };
    let Ok(settings) = provider.check_settings(&source.settings) else { return Ok(None) };
    let workflows = source.workflows.into_iter().map(|workflow| {
        let Some(published) = workflow.published else {
            return Ok(WorkflowConfig {
                id: workflow.workflow,
                version: 0,
                compiled: None,
                delay: workflow.delay,
            });
        };
        // What does not compile is not published: this one is from a newer build.
        let compiled = CompiledWorkflow::compile(&published.spec).0;
        let compiled = compiled.ok_or(StoreError::Corrupt { what: "workflow_versions.spec" })?;
        Ok(WorkflowConfig {
            id: workflow.workflow,
            version: published.version,
            compiled: Some(compiled),
            delay: workflow.delay,
        })
    });
    let workflows: Result<Vec<Arc<WorkflowConfig>>, StoreError> =
        workflows.map(|workflow| workflow.map(Arc::new)).collect();
    Ok(Some(SourceConfig { display_name: source.display_name, provider, settings, workflows: workflows? }))
}
