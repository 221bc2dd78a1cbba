//! Making a source.

use std::{env, fs, path::PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use serde_json::json;
use tributary_proto::admin::v1::{CreateSourceRequest, Source};

use crate::cli::{
    client::{Client, refused},
    finder,
    output::{Out, Style, Text, id},
    resources::OfTenant,
};

/// A source that is to be made.
#[derive(Debug, Args)]
pub(in crate::cli) struct New {
    /// Its key: 1 to 63 of a-z, 0-9, - and _
    #[arg(value_name = "KEY")]
    key: String,
    #[command(flatten)]
    of: OfTenant,
    /// The kind of source, such as calendly, stripe or form, or custom for any other sender of JSON: see `sources providers`
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
    /// Keys are read from a file or a variable: what stands in a command line is seen by others.
    fn signing_keys(&self) -> anyhow::Result<Vec<String>> {
        let key = match (&self.signing_key_file, &self.signing_key_env) {
            (Some(file), _) => {
                fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?
            }
            (None, Some(name)) => {
                env::var(name).with_context(|| format!("cannot read the variable {name}"))?
            }
            (None, None) => return Ok(Vec::new()),
        };
        match key.trim() {
            "" => bail!("the signing key is empty"),
            key => Ok(vec![key.to_owned()]),
        }
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
