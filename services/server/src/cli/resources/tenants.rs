//! `tributary tenants`.

use clap::Subcommand;
use tributary_proto::admin::v1::{GetTenantUsageRequest, Tenant, tenant::State};

use crate::cli::{
    client::{Client, refused},
    finder,
    output::{Listed, Out, id, list, one, time::moment},
};

/// What to do.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Action {
    /// List them, oldest first
    List {
        /// How many at most
        #[arg(long, value_name = "N", default_value_t = 100)]
        limit: usize,
    },
    /// Show one
    Get {
        /// Its key, id or name
        #[arg(value_name = "NAME")]
        which: String,
    },
    /// Show what one uses, and what it may use
    Usage {
        /// Its key, id or name
        #[arg(value_name = "NAME")]
        which: String,
    },
}

/// Lists tenants, or shows one or what it uses.
///
/// # Errors
/// When the server refuses, or there is none such.
pub(in crate::cli) async fn run(action: Action, client: &Client, out: &Out) -> anyhow::Result<()> {
    match action {
        Action::List { limit } => list(out, &finder::tenants(client, limit).await?),
        Action::Get { which } => {
            let found = finder::pick(finder::tenants(client, usize::MAX).await?, Some(&which))?;
            one(out, &found.key, &found)
        }
        Action::Usage { which } => {
            let found = finder::pick(finder::tenants(client, usize::MAX).await?, Some(&which))?;
            let request = GetTenantUsageRequest { name: format!("{}/usage", found.name) };
            let usage = client.quotas().get_tenant_usage(request).await.map_err(refused)?.into_inner();
            one(out, &found.key, &usage)
        }
    }
}

impl Listed for Tenant {
    const COLUMNS: &'static [&'static str] = &["key", "id", "name", "state", "time zone", "made (UTC)"];

    fn cells(&self) -> Vec<String> {
        let state = match self.state() {
            State::Unspecified => "unknown",
            State::Active => "active",
            State::Suspended => "suspended",
        };
        let zone = self
            .settings
            .as_ref()
            .map(|settings| settings.time_zone.as_str())
            .filter(|zone| !zone.is_empty());
        vec![
            self.key.clone(),
            id(&self.name).to_owned(),
            self.display_name.clone(),
            state.to_owned(),
            zone.unwrap_or("UTC").to_owned(),
            moment(self.create_time.as_ref()),
        ]
    }
}
