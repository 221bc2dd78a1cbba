//! The source that a scenario is played to.

use anyhow::anyhow;
use prost_types::Duration;
use tributary_proto::admin::v1::{
    CreateSourceRequest, PublishWorkflowRequest, RotateSourceSecretRequest, SetSigningKeysRequest, Source,
};
use tributary_telemetry::ambient::random_u128;

use crate::cli::{
    client::{Client, refused},
    finder,
};

/// Where to post to, and what to sign with.
pub(super) struct Target {
    pub(super) url: String,
    pub(super) key: Option<String>,
}

impl std::fmt::Debug for Target {
    /// Without the URL and the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target").finish_non_exhaustive()
    }
}

/// A source of this provider that is for such play only, with every preset published. It is made where there is none yet;
/// one that is there gets another URL and another key, because nobody remembers the old ones.
///
/// # Errors
/// When the server refuses.
pub(super) async fn own(client: &Client, tenant: Option<&str>, provider: &str) -> anyhow::Result<Target> {
    let tenant = finder::tenant(client, tenant).await?;
    let key = format!("dev_{provider}");
    let signing_key = new_key();
    let sources = finder::sources(client, &tenant, usize::MAX).await?;
    let (name, url) = match sources.into_iter().find(|source| source.key == key) {
        Some(found) => {
            let request = SetSigningKeysRequest {
                name: found.name.clone(),
                signing_keys: vec![signing_key.clone()],
                etag: String::new(),
            };
            client.sources().set_signing_keys(request).await.map_err(refused)?;
            let request =
                RotateSourceSecretRequest { name: found.name.clone(), overlap: Some(Duration::default()) };
            let rotated = client.sources().rotate_source_secret(request).await.map_err(refused)?.into_inner();
            (found.name, rotated.webhook_url)
        }
        None => {
            let source = Source {
                key,
                display_name: format!("Provider lab: {provider}"),
                provider: provider.to_owned(),
                ..Source::default()
            };
            let request = CreateSourceRequest {
                parent: tenant.clone(),
                source: Some(source),
                signing_keys: vec![signing_key.clone()],
                draft_workflows: true,
                ..CreateSourceRequest::default()
            };
            let made = client.sources().create_source(request).await.map_err(refused)?.into_inner();
            let source =
                made.source.ok_or_else(|| anyhow!("the server made a source and does not say which"))?;
            (source.name, made.webhook_url)
        }
    };
    for workflow in finder::workflows(client, &tenant, usize::MAX).await? {
        if workflow.published_version == 0 && workflow.name.starts_with(&format!("{name}/")) {
            let request = PublishWorkflowRequest {
                name: workflow.name,
                etag: workflow.etag,
                ..PublishWorkflowRequest::default()
            };
            client.workflows().publish_workflow(request).await.map_err(refused)?;
        }
    }
    Ok(Target { url, key: Some(signing_key) })
}

/// A key that every provider takes: the digits are base64 too, as Standard Webhooks want it.
pub(super) fn new_key() -> String {
    format!("whsec_{:032x}", random_u128())
}
