//! Making a source.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use tributary_proto::admin::v1::{CreateSourceRequest, Source};

use crate::cli::{
    client::{Client, refused},
    finder,
    output::{Out, Style, Text, id},
    resources::OfTenant,
    secret,
};

/// A source that is to be made.
#[derive(Debug, Args)]
pub(in crate::cli) struct New {
    /// Its key: 1 to 63 of a-z, 0-9, - and _
    #[arg(value_name = "KEY")]
    key: String,
    #[command(flatten)]
    of: OfTenant,
    /// The kind of source: calendly, or custom for any other sender of JSON
    #[arg(long, value_name = "PROVIDER", default_value = "custom")]
    provider: String,
    /// Name that people see; its key unless said
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// A file with the key that the sender signs with; unsigned requests are accepted while there is none
    #[arg(long, value_name = "FILE", conflicts_with = "signing_key_env")]
    signing_key_file: Option<PathBuf>,
    /// The environment variable that has the key
    #[arg(long, value_name = "NAME")]
    signing_key_env: Option<String>,
    /// Make a draft of a workflow of each preset of the provider
    #[arg(long)]
    drafts: bool,
}

impl New {
    fn signing_keys(&self) -> anyhow::Result<Vec<String>> {
        let (file, variable) = (self.signing_key_file.as_deref(), self.signing_key_env.as_deref());
        Ok(secret::read("signing key", file, variable)?.into_iter().collect())
    }
}

/// Makes a source, and shows its webhook URL, which is not shown again.
///
/// # Errors
/// When the server refuses, or a key cannot be read.
pub(super) async fn run(new: New, client: &Client, out: &Out) -> anyhow::Result<()> {
    let signing_keys = new.signing_keys()?;
    let source = Source {
        display_name: new.name.unwrap_or_else(|| new.key.clone()),
        key: new.key,
        provider: new.provider,
        ..Source::default()
    };
    let request = CreateSourceRequest {
        parent: finder::tenant(client, new.of.tenant.as_deref()).await?,
        source: Some(source),
        signing_keys,
        draft_workflows: new.drafts,
        ..CreateSourceRequest::default()
    };
    let made = client.sources().create_source(request).await.map_err(refused)?.into_inner();
    let source = made.source.unwrap_or_default();
    if out.is_json() {
        let shown = json!({
            "source": source.name,
            "webhook_url": made.webhook_url,
            "draft_workflows": made.draft_workflows,
        });
        return Ok(out.json_line(&shown)?);
    }
    out.text(&Text::new().with(Style::Bold, &source.key).plain(format!("  {}", id(&source.name))))?;
    out.text(&Text::new().plain("webhook URL, shown this once: ").with(Style::Accent, &made.webhook_url))?;
    if !made.draft_workflows.is_empty() {
        let count = made.draft_workflows.len();
        out.line(&format!("{count} drafts of workflows were made: see `tributary workflows list`"))?;
    }
    Ok(())
}
