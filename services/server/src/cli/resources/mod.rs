//! `tributary members|api-keys|tenants|sources|workflows|destinations|profiles|groups|suppressions|conversions|events|operations`.

pub(super) mod api_keys;
pub(super) mod conversions;
pub(super) mod destinations;
mod erasures;
pub(super) mod events;
mod export;
pub(super) mod groups;
pub(super) mod members;
pub(super) mod operations;
pub(super) mod profiles;
pub(super) mod samples;
pub(super) mod sources;
pub(super) mod suppressions;
pub(super) mod tenants;
pub(super) mod workflows;

use anyhow::anyhow;
use clap::{Args, ValueEnum};
use tributary_proto::admin::v1::{self as proto, Grant, Source, TenantRole};

use super::{client::Client, finder};

/// Which agency.
#[derive(Debug, Args)]
pub(super) struct OfAgency {
    /// The agency's key, id or name; not needed where there is one only
    #[arg(long, value_name = "AGENCY")]
    pub(super) agency: Option<String>,
}

/// What a member or an API key may do.
#[derive(Debug, Args)]
pub(super) struct Roles {
    /// Role in the agency
    #[arg(long, value_enum, default_value_t = AgencyRole::Member)]
    role: AgencyRole,
    /// A tenant and the role in it, such as acme=editor (viewer, editor or admin); may be given several times
    #[arg(long = "grant", value_name = "TENANT=ROLE")]
    grants: Vec<String>,
}

/// A role in an agency, as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum AgencyRole {
    /// Reaches the tenants that are granted
    Member,
    /// Does everything in the agency
    Admin,
    /// Also decides who the owners are
    Owner,
}

impl Roles {
    /// The role and the grants of the contract.
    ///
    /// # Errors
    /// When a grant is not written as one, or there is no such tenant.
    async fn read(&self, client: &Client) -> anyhow::Result<(proto::AgencyRole, Vec<Grant>)> {
        let role = match self.role {
            AgencyRole::Member => proto::AgencyRole::Member,
            AgencyRole::Admin => proto::AgencyRole::Admin,
            AgencyRole::Owner => proto::AgencyRole::Owner,
        };
        let mut grants = Vec::with_capacity(self.grants.len());
        for grant in &self.grants {
            let (tenant, role) = written(grant)?;
            let tenant = finder::tenant(client, Some(tenant)).await?;
            grants.push(Grant { tenant, role: role.into() });
        }
        Ok((role, grants))
    }
}

/// The tenant and the role that a grant is written with.
fn written(grant: &str) -> anyhow::Result<(&str, TenantRole)> {
    let roles =
        [("viewer", TenantRole::Viewer), ("editor", TenantRole::Editor), ("admin", TenantRole::Admin)];
    grant
        .split_once('=')
        .and_then(|(tenant, role)| Some((tenant, roles.iter().find(|(name, _)| *name == role)?.1)))
        .ok_or_else(|| {
            anyhow!("--grant {grant}: expected a tenant and viewer, editor or admin, such as acme=editor")
        })
}

/// Roles in a cell: that in the agency, or how many tenants are reached.
fn roles(role: proto::AgencyRole, grants: &[Grant]) -> String {
    match (role, grants.len()) {
        (proto::AgencyRole::Owner, _) => "owner".to_owned(),
        (proto::AgencyRole::Admin, _) => "admin".to_owned(),
        (_, 1) => "member of 1 tenant".to_owned(),
        (_, count) => format!("member of {count} tenants"),
    }
}

/// Which tenant, and how many.
#[derive(Debug, Args)]
pub(super) struct Listing {
    #[command(flatten)]
    pub(super) of: OfTenant,
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(super) limit: usize,
}

/// Which tenant.
#[derive(Debug, Args)]
pub(super) struct OfTenant {
    /// The tenant's key, id or name; not needed where there is one only
    #[arg(long, value_name = "TENANT")]
    pub(super) tenant: Option<String>,
}

/// One thing of a tenant.
#[derive(Debug, Args)]
pub(super) struct Choice {
    /// Its key, id or name
    #[arg(value_name = "NAME")]
    pub(super) which: String,
    #[command(flatten)]
    pub(super) of: OfTenant,
}

impl Choice {
    /// The source that is meant.
    ///
    /// # Errors
    /// When the server refuses, or there is none such.
    pub(super) async fn source(&self, client: &Client) -> anyhow::Result<Source> {
        let tenant = finder::tenant(client, self.of.tenant.as_deref()).await?;
        finder::pick(finder::sources(client, &tenant, usize::MAX).await?, Some(&self.which))
    }
}
