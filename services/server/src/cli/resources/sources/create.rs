//! Making a source.

use std::path::PathBuf;

use clap::Args;
use prost_types::{ListValue, Struct, Value, value::Kind};
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
    /// The kind of source, such as calendly, stripe or form, tag for the pages of a site, or custom for any other sender of JSON:
    /// see `sources providers`
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
    /// A site that a tag runs on, as browsers send it, such as `https://shop.example`; can be given several times
    #[arg(long = "origin", value_name = "ORIGIN")]
    origins: Vec<String>,
    /// Make a draft of a workflow of each preset of the provider
    #[arg(long)]
    drafts: bool,
}

impl New {
    /// The settings that flags stand for; the others are set in files.
    fn settings(&self) -> Option<Struct> {
        let value = |kind| Value { kind: Some(kind) };
        let origins = self.origins.iter().map(|origin| value(Kind::StringValue(origin.clone())));
        let list = Kind::ListValue(ListValue { values: origins.collect() });
        (!self.origins.is_empty()).then(|| Struct { fields: [("origins".to_owned(), value(list))].into() })
    }

    /// Keys are read from a file or a variable: what stands in a command line is seen by others.
    fn signing_keys(&self) -> anyhow::Result<Vec<String>> {
        let (file, variable) = (self.signing_key_file.as_deref(), self.signing_key_env.as_deref());
        Ok(secret::read("signing key", file, variable)?.into_iter().collect())
    }
}

/// Makes a source, and shows its webhook URL, which is not shown again, or what goes into pages.
///
/// # Errors
/// When the server refuses, or a key cannot be read.
pub(super) async fn run(new: New, client: &Client, out: &Out) -> anyhow::Result<()> {
    let signing_keys = new.signing_keys()?;
    let may_send = !new.origins.is_empty();
    let source = Source {
        settings: new.settings(),
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
    let (what, shown) = match &source.browser {
        Some(browser) => {
            ("in the head of each page: ", format!("<script async src=\"{}\"></script>", browser.tag_url))
        }
        None => ("webhook URL, shown this once: ", made.webhook_url),
    };
    out.text(&Text::new().plain(what).with(Style::Accent, &shown))?;
    if source.browser.is_some() && !may_send {
        out.line("no site may send yet: name yours in `origins` of its settings (see docs/collect.md)")?;
    }
    if !made.draft_workflows.is_empty() {
        let count = made.draft_workflows.len();
        out.line(&format!("{count} drafts of workflows were made: see `tributary workflows list`"))?;
    }
    Ok(())
}
