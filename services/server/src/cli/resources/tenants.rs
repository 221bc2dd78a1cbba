//! `tributary tenants`.

mod tests_of;

use clap::{Subcommand, ValueEnum};
use prost_types::FieldMask;
use tributary_proto::admin::v1::{
    GetTenantUsageRequest, RetentionSettings, Tenant, TenantRole, TenantSettings, TenantUsage,
    UpdateTenantRequest, tenant::State,
};

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
    /// Set for how many days one keeps what it has, and show what is in force; what is not named stays
    Keep {
        /// Its key, id or name
        #[arg(value_name = "NAME")]
        which: String,
        /// Bodies of messages, what destinations answered, and refused requests; 0 for the default
        #[arg(long, value_name = "DAYS")]
        bodies: Option<i32>,
        /// Messages with all that followed from them; 0 for the default
        #[arg(long, value_name = "DAYS")]
        logs: Option<i32>,
        /// What duplicates are known by; 0 for the default
        #[arg(long, value_name = "DAYS")]
        dedupe: Option<i32>,
    },
    /// Set which role sees personal data of one in the clear; for those below it, it is masked wherever it is shown
    PersonalData {
        /// Its key, id or name
        #[arg(value_name = "NAME")]
        which: String,
        /// The least role that sees it
        #[arg(long = "from", value_enum, value_name = "ROLE")]
        least: Role,
    },
    /// Set which messages of one are tests: their events go to test facilities of platforms alone, and are not counted
    Tests(tests_of::Args),
}

/// A role in a tenant, as it is written.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(in crate::cli) enum Role {
    /// Everybody who reads at all
    Viewer,
    /// Who changes sources, workflows and destinations
    Editor,
    /// Who changes the tenant itself
    Admin,
}

/// Lists tenants, shows one or what it uses, or sets for how long it keeps what it has and who sees personal data.
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
            one(out, &found.key, &usage(client, &found).await?)
        }
        Action::Keep { which, bodies, logs, dedupe } => {
            let found = finder::pick(finder::tenants(client, usize::MAX).await?, Some(&which))?;
            let named = [("bodies_days", bodies), ("logs_days", logs), ("dedupe_days", dedupe)];
            let paths: Vec<String> = named
                .iter()
                .filter(|(_, days)| days.is_some())
                .map(|(field, _)| format!("settings.retention.{field}"))
                .collect();
            if !paths.is_empty() {
                let retention = RetentionSettings {
                    bodies_days: bodies.unwrap_or_default(),
                    logs_days: logs.unwrap_or_default(),
                    dedupe_days: dedupe.unwrap_or_default(),
                };
                let settings = TenantSettings { retention: Some(retention), ..TenantSettings::default() };
                let tenant = Tenant { settings: Some(settings), ..found.clone() };
                let request =
                    UpdateTenantRequest { tenant: Some(tenant), update_mask: Some(FieldMask { paths }) };
                client.tenants().update_tenant(request).await.map_err(refused)?;
            }
            let kept = usage(client, &found).await?.retention.unwrap_or_default();
            one(out, &found.key, &kept)
        }
        Action::PersonalData { which, least } => {
            let found = finder::pick(finder::tenants(client, usize::MAX).await?, Some(&which))?;
            let least = match least {
                Role::Viewer => TenantRole::Viewer,
                Role::Editor => TenantRole::Editor,
                Role::Admin => TenantRole::Admin,
            };
            let settings = TenantSettings { personal_data_role: least.into(), ..TenantSettings::default() };
            let tenant = Some(Tenant { settings: Some(settings), ..found });
            let update_mask = Some(FieldMask { paths: vec!["settings.personal_data_role".to_owned()] });
            let request = UpdateTenantRequest { tenant, update_mask };
            let changed = client.tenants().update_tenant(request).await.map_err(refused)?.into_inner();
            one(out, &changed.key, &changed.settings.unwrap_or_default())
        }
        Action::Tests(args) => tests_of::run(args, client, out).await,
    }
}

async fn usage(client: &Client, tenant: &Tenant) -> anyhow::Result<TenantUsage> {
    let request = GetTenantUsageRequest { name: format!("{}/usage", tenant.name) };
    Ok(client.quotas().get_tenant_usage(request).await.map_err(refused)?.into_inner())
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
