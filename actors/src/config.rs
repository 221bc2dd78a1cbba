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
    pub(crate) suspended: bool,
    pub(crate) settings: Arc<TenantSettings>,
    pub(crate) routes: Vec<Route>,
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

/// Loads and compiles the configuration in force for `source`. No source: there never was one with this id, or its
/// provider is of a newer build.
pub(crate) async fn load(
    store: &Store,
    tenant: TenantId,
    source: SourceId,
) -> Result<(Arc<TenantConfig>, Option<Arc<SourceConfig>>), StoreError> {
    let snapshot = store.tenant(tenant).snapshot(source).await?;
    let config = TenantConfig {
        rev: snapshot.config_rev,
        suspended: snapshot.suspended,
        settings: Arc::new(snapshot.settings),
        routes: snapshot.routes.iter().filter_map(route).collect(),
    };
    Ok((Arc::new(config), snapshot.source.and_then(compile).map(Arc::new)))
}

/// A filter that does not compile was refused when it was written; one from a newer build lets nothing through.
fn route(record: &RouteRecord) -> Option<Route> {
    let Ok(filter) = record.filter.as_ref().map(CompiledFilter::compile).transpose() else {
        tracing::error!(destination = %record.destination, "the destination's filter cannot be read: nothing is sent there");
        return None;
    };
    Some(Route { destination: record.destination, filter })
}

fn compile(source: SourceSnapshot) -> Option<SourceConfig> {
    let provider = sources::provider(&source.provider)?;
    let settings = provider.check_settings(&source.settings).ok()?;
    let workflows = source.workflows.into_iter().map(|workflow| {
        let version = workflow.published.as_ref().map_or(0, |published| published.version);
        let compiled = workflow.published.and_then(|published| CompiledWorkflow::compile(&published.spec).0);
        Arc::new(WorkflowConfig { id: workflow.workflow, version, compiled, delay: workflow.delay })
    });
    Some(SourceConfig {
        display_name: source.display_name,
        provider,
        settings,
        workflows: workflows.collect(),
    })
}
