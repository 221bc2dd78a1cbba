//! The demo: made on the first start, found again on later ones. What is missing in between is made anew, so that a
//! start that was cut off does no harm.

use std::collections::BTreeMap;

use anyhow::{Context, anyhow};
use http::Uri;
use prost_types::{Duration, FieldMask, Struct, Value, value::Kind};
use tonic::Response;
use tributary_connectors::destinations::webhook::SigningSecret;
use tributary_proto::admin::v1::{
    CreateDestinationRequest, CreateSourceRequest, CreateTenantRequest, CreateWorkflowRequest, Destination,
    ListProvidersRequest, PublishWorkflowRequest, RotateSourceSecretRequest, SetSigningKeysRequest, Source,
    Tenant, UpdateDestinationRequest, Workflow,
};
use tributary_telemetry::ambient::random_u128;

use super::Saved;
use crate::cli::{
    client::{Client, refused},
    finder::{self, Keyed},
    owner::{self, Outcome},
};

/// The keys of the demo's agency and tenant.
const DEMO: &str = "demo";
const SOURCE: &str = "calendly";
/// Who owns the demo's agency.
pub(super) const OWNER: &str = "owner@example.com";
/// The preset, and the workflow that is made from it.
const WORKFLOW: &str = "calendly_booking";
const DESTINATION: &str = "echo";

/// Makes the demo as far as it is not there; `before` is what an earlier start remembered.
///
/// # Errors
/// When the server refuses.
pub(super) async fn ensure(
    client: &Client,
    before: Option<Saved>,
    public_url: &str,
    echo_url: &str,
) -> anyhow::Result<Saved> {
    let agency = owner::agency(client, DEMO, "Demo agency").await?;
    let password = owner(client, &agency, before.as_ref()).await?;
    let tenant = tenant(client, &agency).await?;
    destination(client, &tenant, echo_url).await?;
    let existing = by_key(finder::sources(client, &tenant, usize::MAX).await?, SOURCE);
    let mut saved = match (existing, before) {
        (Some(source), Some(saved)) if source.name == saved.source => saved,
        (Some(source), _) => new_secrets(client, source).await?,
        (None, _) => new_source(client, &tenant).await?,
    };
    workflow(client, &tenant, &saved.source).await?;
    let uri = |url: &str| url.parse::<Uri>().with_context(|| "a URL of the demo cannot be read");
    // The addresses may be others at this start; the secret in the path is the same.
    saved.webhook_url = format!("{public_url}{}", uri(&saved.webhook_url)?.path());
    saved.owner_password = password;
    saved.echo_port = uri(echo_url)?.port_u16().unwrap_or_default();
    Ok(saved)
}

fn by_key<T: Keyed>(items: Vec<T>, key: &str) -> Option<T> {
    items.into_iter().find(|item| item.key() == key)
}

/// The password of the demo's owner, who is made where the agency has none. Empty when nobody remembers it.
async fn owner(client: &Client, agency: &str, before: Option<&Saved>) -> anyhow::Result<String> {
    let remembered = before.map(|saved| saved.owner_password.clone()).unwrap_or_default();
    let password = format!("demo-{:032x}", random_u128());
    match owner::ensure(client, agency, OWNER, Some(&password)).await? {
        Outcome::Made { .. } => Ok(password),
        Outcome::Invited { .. } | Outcome::There { .. } => Ok(remembered),
    }
}

async fn tenant(client: &Client, agency: &str) -> anyhow::Result<String> {
    let mut tenants = finder::tenants(client, usize::MAX).await?;
    tenants.retain(|tenant| tenant.name.starts_with(&format!("{agency}/")));
    if let Some(found) = by_key(tenants, DEMO) {
        return Ok(found.name);
    }
    let tenant = Tenant { key: DEMO.to_owned(), display_name: "Demo tenant".to_owned(), ..Tenant::default() };
    let request =
        CreateTenantRequest { parent: agency.to_owned(), tenant: Some(tenant), ..Default::default() };
    Ok(client.tenants().create_tenant(request).await.map_err(refused)?.into_inner().name)
}

async fn new_source(client: &Client, tenant: &str) -> anyhow::Result<Saved> {
    let source = Source {
        key: SOURCE.to_owned(),
        display_name: "Calendly".to_owned(),
        provider: "calendly".to_owned(),
        ..Source::default()
    };
    let signing_key = new_key();
    let request = CreateSourceRequest {
        parent: tenant.to_owned(),
        source: Some(source),
        signing_keys: vec![signing_key.clone()],
        ..CreateSourceRequest::default()
    };
    let made = client.sources().create_source(request).await.map_err(refused)?.into_inner();
    let source = made.source.ok_or_else(|| anyhow!("the server made a source and does not say which"))?.name;
    Ok(Saved {
        source,
        webhook_url: made.webhook_url,
        signing_key,
        owner_password: String::new(),
        echo_port: 0,
    })
}

/// A source whose secrets nobody remembers gets new ones; the old URL stops at once.
async fn new_secrets(client: &Client, source: Source) -> anyhow::Result<Saved> {
    let signing_key = new_key();
    let name = source.name;
    let request = SetSigningKeysRequest {
        name: name.clone(),
        signing_keys: vec![signing_key.clone()],
        etag: String::new(),
    };
    client.sources().set_signing_keys(request).await.map_err(refused)?;
    let request = RotateSourceSecretRequest { name: name.clone(), overlap: Some(Duration::default()) };
    let rotated = client.sources().rotate_source_secret(request).await.map_err(refused)?.into_inner();
    Ok(Saved {
        source: name,
        webhook_url: rotated.webhook_url,
        signing_key,
        owner_password: String::new(),
        echo_port: 0,
    })
}

fn new_key() -> String {
    format!("{:032x}", random_u128())
}

async fn workflow(client: &Client, tenant: &str, source: &str) -> anyhow::Result<()> {
    let workflow = match by_key(finder::workflows(client, tenant, usize::MAX).await?, WORKFLOW) {
        Some(found) => found,
        None => new_workflow(client, source).await?,
    };
    if workflow.published_version == 0 {
        let request = PublishWorkflowRequest {
            name: workflow.name,
            etag: workflow.etag,
            ..PublishWorkflowRequest::default()
        };
        client.workflows().publish_workflow(request).await.map_err(refused)?;
    }
    Ok(())
}

async fn new_workflow(client: &Client, source: &str) -> anyhow::Result<Workflow> {
    let request = ListProvidersRequest { page_size: 0, page_token: String::new() };
    let providers = client.sources().list_providers(request).await.map_err(refused)?.into_inner().providers;
    let mut presets = providers.into_iter().flat_map(|provider| provider.presets);
    let preset = presets.find(|preset| preset.key == WORKFLOW);
    let preset = preset.ok_or_else(|| anyhow!("the server has no preset `{WORKFLOW}`"))?;
    let workflow = Workflow {
        key: preset.key,
        display_name: preset.display_name,
        draft: preset.spec,
        ..Workflow::default()
    };
    let request =
        CreateWorkflowRequest { parent: source.to_owned(), workflow: Some(workflow), ..Default::default() };
    client.workflows().create_workflow(request).await.map(Response::into_inner).map_err(refused)
}

/// The echo receiver may listen elsewhere than at the last start.
async fn destination(client: &Client, tenant: &str, echo_url: &str) -> anyhow::Result<()> {
    let settings = Some(settings(echo_url));
    let Some(found) = by_key(finder::destinations(client, tenant, usize::MAX).await?, DESTINATION) else {
        let destination = Destination {
            key: DESTINATION.to_owned(),
            display_name: "Echo receiver".to_owned(),
            platform: "webhook".to_owned(),
            settings,
            secrets: BTreeMap::from([("signing".to_owned(), new_signing_secret())]),
            ..Destination::default()
        };
        let request = CreateDestinationRequest {
            parent: tenant.to_owned(),
            destination: Some(destination),
            ..Default::default()
        };
        client.destinations().create_destination(request).await.map_err(refused)?;
        return Ok(());
    };
    if found.settings == settings {
        return Ok(());
    }
    let request = UpdateDestinationRequest {
        destination: Some(Destination { settings, ..found }),
        update_mask: Some(FieldMask { paths: vec!["settings".to_owned()] }),
    };
    client.destinations().update_destination(request).await.map(drop).map_err(refused)
}

fn settings(echo_url: &str) -> Struct {
    let url = Value { kind: Some(Kind::StringValue(echo_url.to_owned())) };
    Struct { fields: [("url".to_owned(), url)].into() }
}

fn new_signing_secret() -> String {
    let mut random = [0; 32];
    let (high, low) = random.split_at_mut(16);
    high.copy_from_slice(&random_u128().to_be_bytes());
    low.copy_from_slice(&random_u128().to_be_bytes());
    SigningSecret::generate(random)
}
