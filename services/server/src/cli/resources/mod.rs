//! `tributary tenants|sources|workflows|destinations|profiles`.

pub(super) mod destinations;
pub(super) mod profiles;
pub(super) mod sources;
pub(super) mod tenants;
pub(super) mod workflows;

use clap::Args;

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
