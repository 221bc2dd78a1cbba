//! A tenant's configuration as the actors need it: read at one revision.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use serde_json::Value;
use tributary_domain::{
    consent::ConsentRule,
    id::{DestinationId, SourceId},
    tenant::TenantSettings,
    workflow::spec::Group,
};

use crate::{
    LARGEST_PAGE, Page, Show, StoreError, TenantScope,
    column::json,
    entity::{source, tenant},
    tenant::hold_reason,
    workflow::ActiveWorkflow,
};

/// The configuration in force for one source.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The revision that all of it belongs to.
    pub config_rev: i64,
    /// Why the tenant's messages are held, unless it is for its monthly quota, which only the ledger knows exactly; none:
    /// they are not.
    pub hold: Option<&'static str>,
    /// The tenant's settings.
    pub settings: TenantSettings,
    /// Where events go.
    pub routes: Vec<RouteRecord>,
    /// The source; none: there never was one with this id. A deleted one still has what it had.
    pub source: Option<SourceSnapshot>,
}

/// A source and what runs for it.
#[derive(Debug, Clone)]
pub struct SourceSnapshot {
    /// The name that people see.
    pub display_name: String,
    /// The provider's name.
    pub provider: String,
    /// The provider's settings.
    pub settings: Value,
    /// Its workflows in their order.
    pub workflows: Vec<ActiveWorkflow>,
}

/// A destination that deliveries are made for.
#[derive(Debug, Clone)]
pub struct RouteRecord {
    /// Its id.
    pub destination: DestinationId,
    /// The platform that it is for.
    pub platform: String,
    /// The platform's settings.
    pub settings: Value,
    /// Which events go there; none: all.
    pub filter: Option<Group>,
    /// What people must have agreed to; none: nothing.
    pub consent: Option<ConsentRule>,
}

impl TenantScope<'_> {
    /// The configuration in force for `source`, none of it newer than the rest.
    ///
    /// # Errors
    /// When there is no such tenant, a part of it cannot be read (a newer build wrote it), or the database fails.
    pub async fn snapshot(&self, source: SourceId) -> Result<Snapshot, StoreError> {
        loop {
            let before = self.tenant_row().await?;
            let routes = self.routes().await?;
            let source = self.source_snapshot(source).await?;
            if self.tenant_row().await?.config_rev == before.config_rev {
                return Ok(Snapshot {
                    config_rev: before.config_rev,
                    hold: hold_reason(&before),
                    settings: json(&before.settings, "tenants.settings")?,
                    routes,
                    source,
                });
            }
        }
    }

    /// The revision of the tenant's configuration, also where the rest of it cannot be read; none: there is no such
    /// tenant.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn config_rev(&self) -> Result<Option<i64>, StoreError> {
        let query = tenant::Entity::find_by_id(self.key()).select_only().column(tenant::Column::ConfigRev);
        Ok(query.into_tuple().one(&self.reader()).await?)
    }

    async fn tenant_row(&self) -> Result<tenant::Model, StoreError> {
        let row = tenant::Entity::find_by_id(self.key()).one(&self.reader()).await?;
        row.ok_or_else(|| StoreError::not_found("tenant"))
    }

    async fn routes(&self) -> Result<Vec<RouteRecord>, StoreError> {
        let mut routes = Vec::new();
        let mut page = Page::first(LARGEST_PAGE);
        loop {
            let found = self.destinations(Show::Live, page).await?;
            // Of one that is paused or disabled too: its deliveries wait until a person resumes it.
            routes.extend(found.items.into_iter().map(|record| RouteRecord {
                destination: record.id,
                platform: record.platform,
                settings: record.settings,
                filter: record.filter,
                consent: record.consent,
            }));
            match found.next {
                Some(next) => page = Page::after(next, LARGEST_PAGE),
                None => return Ok(routes),
            }
        }
    }

    async fn source_snapshot(&self, source: SourceId) -> Result<Option<SourceSnapshot>, StoreError> {
        let found = source::Entity::find_by_id(source.to_string())
            .filter(source::Column::TenantId.eq(self.key()))
            .one(&self.reader())
            .await?;
        let Some(row) = found else { return Ok(None) };
        Ok(Some(SourceSnapshot {
            display_name: row.display_name,
            provider: row.provider,
            settings: json(&row.settings, "sources.settings")?,
            workflows: self.active_workflows(source).await?,
        }))
    }
}
