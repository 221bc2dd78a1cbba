//! A tenant's configuration, compiled: what messages of one source are planned with.

use std::{sync::Arc, time::Duration};

use tributary_connectors::{
    destinations,
    sources::{self, Provider, SourceSettings},
};
use tributary_domain::{
    filter::CompiledFilter,
    id::{DestinationId, WorkflowId},
    tenant::TenantSettings,
    test_rule::CompiledTestRules,
    workflow::compile::CompiledWorkflow,
};
use tributary_store::{
    StoreError,
    ledger::Destinations,
    snapshot::{RouteRecord, Snapshot, SourceSnapshot},
};

/// What holds for all sources of a tenant.
#[derive(Debug)]
pub struct TenantConfig {
    /// The revision that all of it belongs to.
    pub rev: i64,
    /// Why messages are held; none: they are not.
    pub hold: Option<&'static str>,
    /// The tenant's settings.
    pub settings: Arc<TenantSettings>,
    /// Which messages are tests; none: none are.
    pub tests: Option<CompiledTestRules>,
    /// Where events may go.
    pub routes: Vec<Route>,
    /// All of these, as the ledger has to know them.
    pub destinations: Arc<Destinations>,
}

/// A destination that events may go to.
#[derive(Debug)]
pub struct Route {
    /// Which one.
    pub destination: DestinationId,
    /// Which events go there; none: all.
    pub filter: Option<CompiledFilter>,
}

/// A source and what runs for it.
#[derive(Debug)]
pub struct SourceConfig {
    /// The name that people see.
    pub display_name: String,
    /// Its provider.
    pub provider: &'static dyn Provider,
    /// The provider's settings.
    pub settings: SourceSettings,
    /// Its workflows, in the order in which they run.
    pub workflows: Vec<Arc<WorkflowConfig>>,
}

/// A workflow and the version of it that runs.
#[derive(Debug)]
pub struct WorkflowConfig {
    /// Which one.
    pub id: WorkflowId,
    /// 0 when none is published.
    pub version: u32,
    /// What runs; none: nothing is published.
    pub compiled: Option<CompiledWorkflow>,
    /// How long deliveries of its events wait.
    pub delay: Duration,
}

/// What messages of one source are planned with.
#[derive(Debug, Clone)]
pub struct Configuration {
    /// What holds for the tenant.
    pub tenant: Arc<TenantConfig>,
    /// The source; none: there never was one with this id, or its provider is of a newer build.
    pub source: Option<Arc<SourceConfig>>,
}

impl Configuration {
    /// Compiles a configuration.
    ///
    /// # Errors
    /// When a part of it cannot be read: a newer build wrote it.
    pub fn compile(snapshot: Snapshot) -> Result<Self, StoreError> {
        let routes: Result<Vec<Route>, StoreError> = snapshot.routes.iter().map(route).collect();
        // Rules that do not compile were refused when they were written: these are from a newer build.
        let tests = (!snapshot.settings.test_rules.is_empty())
            .then(|| CompiledTestRules::compile(&snapshot.settings.test_rules))
            .transpose()
            .map_err(|_| StoreError::Corrupt { what: "tenants.settings" })?;
        let tenant = TenantConfig {
            rev: snapshot.config_rev,
            hold: snapshot.hold,
            tests,
            settings: Arc::new(snapshot.settings),
            destinations: Arc::new(destinations(&snapshot.routes)),
            routes: routes?,
        };
        let source = snapshot.source.map(source).transpose()?.flatten();
        Ok(Self { tenant: Arc::new(tenant), source: source.map(Arc::new) })
    }
}

fn destinations(routes: &[RouteRecord]) -> Destinations {
    let consents = routes.iter().filter_map(|route| Some((route.destination, route.consent.clone()?)));
    let takes_tests = |route: &RouteRecord| {
        destinations::find(&route.platform)
            .is_some_and(|platform| destinations::test_settings(platform, &route.settings).is_some())
    };
    let untested = routes.iter().filter(|route| !takes_tests(route)).map(|route| route.destination);
    Destinations {
        all: routes.iter().map(|route| route.destination).collect(),
        consents: consents.collect(),
        untested: untested.collect(),
    }
}

/// A filter that does not compile was refused when it was written: this one is from a newer build. To go on without
/// it would lose deliveries.
fn route(record: &RouteRecord) -> Result<Route, StoreError> {
    let filter = record.filter.as_ref().map(CompiledFilter::compile).transpose();
    let filter = filter.map_err(|_| StoreError::Corrupt { what: "destinations.filter" })?;
    Ok(Route { destination: record.destination, filter })
}

fn source(source: SourceSnapshot) -> Result<Option<SourceConfig>, StoreError> {
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
