//! Which resource a person means: by its name, its id or its key, or the only one there is.

use anyhow::{anyhow, bail};
use tributary_proto::admin::v1::{
    Agency, Destination, ListAgenciesRequest, ListDestinationsRequest, ListPlatformsRequest,
    ListProvidersRequest, ListSourcesRequest, ListTenantsRequest, ListWorkflowsRequest, Platform, Provider,
    Source, Tenant, Workflow,
};

use super::{client::Client, output::id, pages};

/// What is found by a key.
pub(super) trait Keyed {
    /// What it is called.
    const WHAT: &'static str;
    /// Its full name.
    fn name(&self) -> &str;
    /// Its owner's own key.
    fn key(&self) -> &str;
}

macro_rules! keyed {
    ($($resource:ident: $what:literal),*) => {
        $(impl Keyed for $resource {
            const WHAT: &'static str = $what;
            fn name(&self) -> &str {
                &self.name
            }
            fn key(&self) -> &str {
                &self.key
            }
        })*
    };
}

keyed!(Agency: "agency", Tenant: "tenant", Source: "source", Workflow: "workflow", Destination: "destination");

/// The agencies that the caller sees, oldest first.
///
/// # Errors
/// When the server refuses.
pub(super) async fn agencies(client: &Client, limit: usize) -> anyhow::Result<Vec<Agency>> {
    pages::all(limit, async |page_size, page_token| {
        let request = ListAgenciesRequest { page_size, page_token };
        let answer = client.agencies().list_agencies(request).await?.into_inner();
        Ok((answer.agencies, answer.next_page_token))
    })
    .await
}

/// The name of the agency that is meant: the one given, the one of the context, or the only one.
///
/// # Errors
/// When there is none such, or several and none was named.
pub(super) async fn agency(client: &Client, given: Option<&str>) -> anyhow::Result<String> {
    let given = given.or(client.agency.as_deref());
    Ok(pick(agencies(client, usize::MAX).await?, given)?.name)
}

/// The tenants that the caller sees, oldest first.
///
/// # Errors
/// When the server refuses.
pub(super) async fn tenants(client: &Client, limit: usize) -> anyhow::Result<Vec<Tenant>> {
    pages::all(limit, async |page_size, page_token| {
        let request = ListTenantsRequest {
            parent: "agencies/-".to_owned(),
            page_size,
            page_token,
            ..Default::default()
        };
        let answer = client.tenants().list_tenants(request).await?.into_inner();
        Ok((answer.tenants, answer.next_page_token))
    })
    .await
}

/// The sources of a tenant.
pub(super) async fn sources(client: &Client, tenant: &str, limit: usize) -> anyhow::Result<Vec<Source>> {
    pages::all(limit, async |page_size, page_token| {
        let request =
            ListSourcesRequest { parent: tenant.to_owned(), page_size, page_token, ..Default::default() };
        let answer = client.sources().list_sources(request).await?.into_inner();
        Ok((answer.sources, answer.next_page_token))
    })
    .await
}

/// The kinds of source, with their presets.
pub(super) async fn providers(client: &Client) -> anyhow::Result<Vec<Provider>> {
    pages::all(usize::MAX, async |page_size, page_token| {
        let request = ListProvidersRequest { page_size, page_token };
        let answer = client.sources().list_providers(request).await?.into_inner();
        Ok((answer.providers, answer.next_page_token))
    })
    .await
}

/// All platforms that destinations can be made for.
pub(super) async fn platforms(client: &Client) -> anyhow::Result<Vec<Platform>> {
    pages::all(usize::MAX, async |page_size, page_token| {
        let request = ListPlatformsRequest { page_size, page_token };
        let answer = client.destinations().list_platforms(request).await?.into_inner();
        Ok((answer.platforms, answer.next_page_token))
    })
    .await
}

/// The workflows of all sources of a tenant.
pub(super) async fn workflows(client: &Client, tenant: &str, limit: usize) -> anyhow::Result<Vec<Workflow>> {
    pages::all(limit, async |page_size, page_token| {
        let request = ListWorkflowsRequest {
            parent: format!("{tenant}/sources/-"),
            page_size,
            page_token,
            ..Default::default()
        };
        let answer = client.workflows().list_workflows(request).await?.into_inner();
        Ok((answer.workflows, answer.next_page_token))
    })
    .await
}

/// The destinations of a tenant.
pub(super) async fn destinations(
    client: &Client,
    tenant: &str,
    limit: usize,
) -> anyhow::Result<Vec<Destination>> {
    destinations_of(client, tenant, "", limit).await
}

/// Those destinations of a tenant that pass a filter of the API's language.
pub(super) async fn destinations_of(
    client: &Client,
    tenant: &str,
    filter: &str,
    limit: usize,
) -> anyhow::Result<Vec<Destination>> {
    pages::all(limit, async |page_size, page_token| {
        let request = ListDestinationsRequest {
            parent: tenant.to_owned(),
            page_size,
            page_token,
            filter: filter.to_owned(),
            ..Default::default()
        };
        let answer = client.destinations().list_destinations(request).await?.into_inner();
        Ok((answer.destinations, answer.next_page_token))
    })
    .await
}

/// The name of the tenant that is meant: the one given, the one of the context, or the only one.
///
/// # Errors
/// When it is not clear which, or there is none such.
pub(super) async fn tenant(client: &Client, given: Option<&str>) -> anyhow::Result<String> {
    let given = given.or(client.tenant.as_deref());
    match given {
        Some(name) if name.contains('/') => Ok(name.to_owned()),
        _ => pick(tenants(client, usize::MAX).await?, given).map(|tenant| tenant.name),
    }
}

/// The one of `items` that is meant: with this name, id or key, or the only one.
///
/// # Errors
/// When it is not clear which, or there is none such.
pub(super) fn pick<T: Keyed>(mut items: Vec<T>, given: Option<&str>) -> anyhow::Result<T> {
    let what = T::WHAT;
    let keys = || items.iter().map(Keyed::key).collect::<Vec<_>>().join(", ");
    let Some(given) = given else {
        return match items.len() {
            0 => bail!("there is no {what} yet"),
            1 => Ok(items.swap_remove(0)),
            _ => bail!("there is more than one {what}, say which: {}", keys()),
        };
    };
    let matches = |item: &T| item.key() == given || item.name() == given || id(item.name()) == given;
    match items.iter().position(matches) {
        Some(found) => Ok(items.swap_remove(found)),
        None if items.is_empty() => Err(anyhow!("no {what} `{given}`: there is none yet")),
        None => Err(anyhow!("no {what} `{given}`: there are {}", keys())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(number: u8) -> Tenant {
        Tenant {
            name: format!("agencies/agc_1/tenants/ten_{number}"),
            key: format!("key{number}"),
            ..Tenant::default()
        }
    }

    #[test]
    fn the_only_one_needs_no_name() {
        assert_eq!(pick(vec![tenant(1)], None).unwrap(), tenant(1));
        let message = |items| pick::<Tenant>(items, None).unwrap_err().to_string();
        assert_eq!(message(vec![]), "there is no tenant yet");
        assert_eq!(
            message(vec![tenant(1), tenant(2)]),
            "there is more than one tenant, say which: key1, key2"
        );
    }

    #[test]
    fn keys_ids_and_names_are_understood() {
        for given in ["key2", "ten_2", "agencies/agc_1/tenants/ten_2"] {
            assert_eq!(pick(vec![tenant(1), tenant(2)], Some(given)).unwrap(), tenant(2));
        }
        let error = pick(vec![tenant(1)], Some("other")).unwrap_err().to_string();
        assert_eq!(error, "no tenant `other`: there are key1");
    }
}
