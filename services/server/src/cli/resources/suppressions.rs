//! `tributary suppressions`.

use std::{fs, path::PathBuf};

use anyhow::{Context, anyhow, bail};
use clap::Subcommand;
use tributary_domain::identity::IdentifierType;
use tributary_proto::admin::v1::{
    AddSuppressionsRequest, ListSuppressionsRequest, RemoveSuppressionsRequest, SuppressedIdentifier,
    Suppression,
};

use super::OfTenant;
use crate::cli::{
    client::{Client, refused},
    finder,
    output::{Listed, Out, Style, Text, id, list, time::moment},
    pages,
};

/// As many identifiers as one request takes.
const AT_ONCE: usize = 1_000;

/// What to do.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Action {
    /// Put identifiers on the list: their events are not processed, or not sent to some destinations
    Add(Add),
    /// Take identifiers off the list
    Remove(Remove),
    /// List them; whom they are of is not kept
    List(Wanted),
}

/// Which identifiers, and what of them.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Add {
    #[command(flatten)]
    which: Which,
    /// What to call them; it should name nobody
    #[arg(long, value_name = "TEXT", default_value = "")]
    label: String,
    /// Only do not send to the destination of this key, id or name; may be given several times
    #[arg(long = "destination", value_name = "DESTINATION")]
    destinations: Vec<String>,
    #[command(flatten)]
    of: OfTenant,
}

/// Which identifiers.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Remove {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    of: OfTenant,
}

/// Identifiers.
#[derive(Debug, clap::Args)]
struct Which {
    /// Identifiers, such as email:ann@example.com; to remove, also sup_…
    #[arg(value_name = "IDENTIFIER", required_unless_present = "file")]
    identifiers: Vec<String>,
    /// A file with an identifier in each line
    #[arg(long, short, value_name = "FILE")]
    file: Option<PathBuf>,
}

/// Which ones of the list.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Wanted {
    /// Also those that are there because somebody was erased
    #[arg(long)]
    erased: bool,
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: usize,
    #[command(flatten)]
    of: OfTenant,
}

/// Changes or shows the list.
///
/// # Errors
/// When the server refuses, or an identifier is not written as one.
pub(in crate::cli) async fn run(action: Action, client: &Client, out: &Out) -> anyhow::Result<()> {
    match action {
        Action::Add(args) => add(args, client, out).await,
        Action::Remove(args) => remove(args, client, out).await,
        Action::List(Wanted { erased, limit, of }) => {
            let parent = finder::tenant(client, of.tenant.as_deref()).await?;
            let found = pages::all(limit, async |page_size, page_token| {
                let parent = parent.clone();
                let request = ListSuppressionsRequest { parent, page_size, page_token, with_erased: erased };
                let answer = client.privacy().list_suppressions(request).await?.into_inner();
                Ok((answer.suppressions, answer.next_page_token))
            });
            list(out, &found.await?)
        }
    }
}

async fn add(args: Add, client: &Client, out: &Out) -> anyhow::Result<()> {
    let parent = finder::tenant(client, args.of.tenant.as_deref()).await?;
    let mut destinations = Vec::with_capacity(args.destinations.len());
    for which in &args.destinations {
        let known = finder::destinations(client, &parent, usize::MAX).await?;
        destinations.push(finder::pick(known, Some(which))?.name);
    }
    let mut identifiers = Vec::new();
    for text in args.which.read()? {
        identifiers.push(identifier(&text)?);
    }
    let mut added = Vec::new();
    for some in identifiers.chunks(AT_ONCE) {
        let request = AddSuppressionsRequest {
            parent: parent.clone(),
            identifiers: some.to_vec(),
            label: args.label.clone(),
            destinations: destinations.clone(),
        };
        let answer = client.privacy().add_suppressions(request).await.map_err(refused)?.into_inner();
        added.extend(answer.suppressions);
    }
    list(out, &added)
}

async fn remove(args: Remove, client: &Client, out: &Out) -> anyhow::Result<()> {
    let parent = finder::tenant(client, args.of.tenant.as_deref()).await?;
    let (suppressions, others): (Vec<_>, Vec<_>) = args
        .which
        .read()?
        .into_iter()
        .partition(|text| text.starts_with("sup_") || text.contains("/suppressions/"));
    let identifiers = others.iter().map(|text| identifier(text)).collect::<Result<Vec<_>, _>>()?;
    let mut removed = 0;
    let by_name = suppressions.chunks(AT_ONCE).map(|some| (some.to_vec(), Vec::new()));
    let by_identifier = identifiers.chunks(AT_ONCE).map(|some| (Vec::new(), some.to_vec()));
    for (suppressions, identifiers) in by_name.chain(by_identifier) {
        let request = RemoveSuppressionsRequest { parent: parent.clone(), suppressions, identifiers };
        let answer = client.privacy().remove_suppressions(request).await.map_err(refused)?.into_inner();
        removed += answer.removed_count;
    }
    if out.is_json() {
        return Ok(out.json(&serde_json::json!({ "removed_count": removed }))?);
    }
    Ok(out.text(&Text::new().with(Style::Bold, removed.to_string()).plain(" taken off the list"))?)
}

impl Which {
    fn read(&self) -> anyhow::Result<Vec<String>> {
        let mut all = self.identifiers.clone();
        if let Some(file) = &self.file {
            let text =
                fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
            all.extend(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned));
        }
        if all.is_empty() {
            bail!("name at least one identifier");
        }
        Ok(all)
    }
}

/// An identifier, written `type:value`.
fn identifier(text: &str) -> anyhow::Result<SuppressedIdentifier> {
    let (kind, value) = IdentifierType::split(text)
        .ok_or_else(|| anyhow!("{text}: expected an identifier such as email:ann@example.com"))?;
    Ok(SuppressedIdentifier { r#type: kind.to_owned(), value: value.to_owned() })
}

impl Listed for Suppression {
    const COLUMNS: &'static [&'static str] =
        &["id", "type", "label", "kept from", "on the list since (UTC)", "erased until (UTC)"];

    fn cells(&self) -> Vec<String> {
        let destinations: Vec<_> = self.destinations.iter().map(|name| id(name)).collect();
        let kept_from = match (destinations.is_empty(), self.list_time.is_some()) {
            (true, true) => "everything".to_owned(),
            _ => destinations.join(", "),
        };
        vec![
            id(&self.name).to_owned(),
            self.identifier_type.clone(),
            self.label.clone(),
            kept_from,
            moment(self.list_time.as_ref()),
            moment(self.erased_until_time.as_ref()),
        ]
    }
}
