//! What a tenant has, as the server tells.

use std::collections::BTreeMap;

use tributary_proto::admin::v1::{Destination, Source, Tenant, Workflow};

use super::{
    resource::{self, Address, Present},
    section::place_name,
};
use crate::cli::{client::Client, finder};

/// Everything of a tenant that files tell of.
#[derive(Debug, Default)]
pub(super) struct Actual {
    /// The tenant; none: it is not there yet.
    pub(super) tenant: Option<Tenant>,
    /// Its sources, oldest first.
    pub(super) sources: Vec<Source>,
    /// The workflows of all its sources, oldest first.
    pub(super) workflows: Vec<Workflow>,
    /// Its destinations, oldest first.
    pub(super) destinations: Vec<Destination>,
}

/// What a change of a resource needs: its name, and the etag that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Handle {
    /// Its name.
    pub(super) name: String,
    /// Its etag.
    pub(super) etag: String,
}

impl Actual {
    /// Reads what a tenant has.
    ///
    /// # Errors
    /// When the server refuses.
    pub(super) async fn of(client: &Client, tenant: Tenant) -> anyhow::Result<Self> {
        let name = tenant.name.clone();
        Ok(Self {
            sources: finder::sources(client, &name, usize::MAX).await?,
            workflows: finder::workflows(client, &name, usize::MAX).await?,
            destinations: finder::destinations(client, &name, usize::MAX).await?,
            tenant: Some(tenant),
        })
    }

    /// The workflows of a source, in the order that they run in.
    pub(super) fn workflows_of(&self, source: &Source) -> Vec<&Workflow> {
        let below = format!("{}/", source.name);
        let of = self.workflows.iter().filter(|workflow| workflow.name.starts_with(&below));
        let mut of: Vec<_> = of.collect();
        of.sort_by_key(|workflow| workflow.order);
        of
    }

    /// All of it by address.
    ///
    /// # Errors
    /// When the build's descriptors do not fit.
    pub(super) fn present(&self) -> anyhow::Result<BTreeMap<Address, Present>> {
        let mut all = BTreeMap::new();
        let mut put = |address, fields, fixed, masks| {
            all.insert(address, Present { fields, fixed, masks });
        };
        if let Some(tenant) = &self.tenant {
            put(Address::Tenant, resource::tenant(tenant)?, None, BTreeMap::new());
        }
        for destination in &self.destinations {
            let fixed = Some(("platform", destination.platform.clone()));
            let masks = destination.masked_secrets.clone();
            put(address_of_destination(destination), resource::destination(destination)?, fixed, masks);
        }
        for source in &self.sources {
            let fixed = Some(("provider", source.provider.clone()));
            let masks = source.masked_signing_keys.iter().enumerate();
            let masks = masks.map(|(index, mask)| (place_name(index), mask.clone())).collect();
            put(Address::Source(source.key.clone()), resource::source(source)?, fixed, masks);
            for workflow in self.workflows_of(source) {
                put(
                    address_of_workflow(source, workflow),
                    resource::workflow(workflow)?,
                    None,
                    BTreeMap::new(),
                );
            }
        }
        Ok(all)
    }

    /// What changes need, by address.
    pub(super) fn handles(&self) -> BTreeMap<Address, Handle> {
        let handle = |name: &String, etag: &String| Handle { name: name.clone(), etag: etag.clone() };
        let mut all = BTreeMap::new();
        all.extend(self.tenant.iter().map(|it| (Address::Tenant, handle(&it.name, &it.etag))));
        all.extend(
            self.destinations.iter().map(|it| (address_of_destination(it), handle(&it.name, &it.etag))),
        );
        for source in &self.sources {
            all.insert(Address::Source(source.key.clone()), handle(&source.name, &source.etag));
            let below = self.workflows_of(source).into_iter();
            all.extend(below.map(|it| (address_of_workflow(source, it), handle(&it.name, &it.etag))));
        }
        all
    }
}

fn address_of_destination(destination: &Destination) -> Address {
    Address::Destination(destination.key.clone())
}

fn address_of_workflow(source: &Source, workflow: &Workflow) -> Address {
    Address::Workflow { source: source.key.clone(), key: workflow.key.clone() }
}
