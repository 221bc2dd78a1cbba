//! Which tenant files are about.

use anyhow::{anyhow, bail};
use tributary_proto::admin::v1::{GetTenantRequest, Tenant};

use super::section::TenantSection;
use crate::cli::{
    client::{Client, refused},
    finder,
    output::id,
};

/// Which tenant.
#[derive(Debug, clap::Args)]
pub(super) struct Of {
    /// The tenant's key, id or name; the default is the key in the files, the tenant of the context, or the only one there is
    #[arg(long, value_name = "TENANT")]
    tenant: Option<String>,
    /// The agency of the tenant, by key, id or name, where tenants of several have the same key
    #[arg(long, value_name = "AGENCY")]
    agency: Option<String>,
}

/// What was found.
#[derive(Debug)]
pub(super) enum Target {
    /// The tenant.
    There(Box<Tenant>),
    /// There is none yet.
    ToMake {
        /// The agency that it shall belong to.
        agency: String,
        /// Its key.
        key: String,
    },
}

impl Of {
    /// Finds the tenant that is meant: by what the command line says, or else by what the files say. One that is not
    /// there yet can be made where the files tell of it.
    ///
    /// # Errors
    /// When it is not clear which, or there is none such.
    pub(super) async fn find(
        &self,
        client: &Client,
        section: Option<&TenantSection>,
    ) -> anyhow::Result<Target> {
        let said = section.map(|section| section.key.as_str()).filter(|key| !key.is_empty());
        let given = self.tenant.as_deref().or(said).or(client.tenant.as_deref());
        if let Some(name) = given.filter(|given| given.contains('/')) {
            let request = GetTenantRequest { name: name.to_owned() };
            let found = client.tenants().get_tenant(request).await.map_err(refused)?;
            return Ok(Target::There(Box::new(found.into_inner())));
        }
        let mut tenants = finder::tenants(client, usize::MAX).await?;
        if self.agency.is_some() {
            let agency = finder::agency(client, self.agency.as_deref()).await?;
            tenants.retain(|tenant| tenant.name.starts_with(&format!("{agency}/")));
        }
        let Some(given) = given else {
            return finder::pick(tenants, None).map(|found| Target::There(Box::new(found)));
        };
        let is_meant = |tenant: &&Tenant| tenant.key == given || id(&tenant.name) == given;
        match (tenants.iter().filter(is_meant).count(), section) {
            (0, Some(_)) => {
                let agency = finder::agency(client, self.agency.as_deref()).await?;
                Ok(Target::ToMake { agency, key: given.to_owned() })
            }
            (0, None) => Err(finder::pick(tenants, Some(given))
                .err()
                .unwrap_or_else(|| anyhow!("no tenant `{given}`"))),
            (1, _) => finder::pick(tenants, Some(given)).map(|found| Target::There(Box::new(found))),
            _ => bail!("tenants of several agencies have the key {given}: say which with --agency"),
        }
    }
}
