//! `tributary sources`.

mod create;
mod reconcile;
mod suggest;

use clap::{Args, Subcommand};
use tributary_proto::admin::v1::{ListSamplesRequest, Provider, Source};

use super::{Choice, Listing, samples};
use crate::cli::{
    client::{Client, refused},
    finder,
    output::{Listed, Out, id, json, list, one, table, time::moment},
};

/// What to do.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Action {
    /// List them, oldest first
    List(Listing),
    /// Show one
    Get(Choice),
    /// Make one, and show its webhook URL
    Create(create::New),
    /// Show the newest messages of one, with the paths of their values to map from
    Samples(Samples),
    /// Look for bookings at Calendly that never came, and feed them in
    Reconcile(reconcile::Reconcile),
    /// Propose mappings from the newest messages of one, or from a file
    Suggest(suggest::Suggest),
    /// List the kinds of source, with what to set up for each
    Providers,
    /// List the workflows that providers have to start from
    Presets {
        /// Only those of this provider, such as calendly
        #[arg(value_name = "PROVIDER")]
        provider: Option<String>,
    },
}

/// How many messages of which source.
#[derive(Debug, Args)]
pub(in crate::cli) struct Samples {
    #[command(flatten)]
    choice: Choice,
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(i32).range(1..=5))]
    limit: i32,
}

/// Lists sources, shows one, or makes one.
///
/// # Errors
/// When the server refuses, or there is none such.
pub(in crate::cli) async fn run(action: Action, client: &Client, out: &Out) -> anyhow::Result<()> {
    match action {
        Action::List(Listing { of, limit }) => {
            let tenant = finder::tenant(client, of.tenant.as_deref()).await?;
            list(out, &finder::sources(client, &tenant, limit).await?)
        }
        Action::Get(choice) => {
            let found = choice.source(client).await?;
            one(out, &found.key, &found)
        }
        Action::Create(new) => create::run(new, client, out).await,
        Action::Samples(Samples { choice, limit }) => {
            let parent = choice.source(client).await?.name;
            let request = ListSamplesRequest { parent, page_size: limit, page_token: String::new() };
            let answer = client.sources().list_samples(request).await.map_err(refused)?.into_inner();
            if answer.samples.is_empty() && !out.is_json() {
                out.line("nothing was processed of it yet")?;
            }
            answer.samples.iter().try_for_each(|sample| samples::show(out, sample))
        }
        Action::Reconcile(reconcile) => reconcile::run(reconcile, client, out).await,
        Action::Suggest(suggest) => suggest::run(suggest, client, out).await,
        Action::Providers => providers(client, out).await,
        Action::Presets { provider } => presets(provider.as_deref(), client, out).await,
    }
}

async fn providers(client: &Client, out: &Out) -> anyhow::Result<()> {
    let providers = finder::providers(client).await?;
    if out.is_json() {
        return providers.iter().try_for_each(|provider| Ok(out.json_line(&json(provider)?)?));
    }
    let row =
        |provider: &Provider| vec![provider.id.clone(), provider.display_name.clone(), provider.help.clone()];
    Ok(table::write(out, &["provider", "name", "what to set up"], providers.iter().map(row).collect())?)
}

async fn presets(of: Option<&str>, client: &Client, out: &Out) -> anyhow::Result<()> {
    let providers = finder::providers(client).await?;
    let wanted = || providers.iter().filter(|provider| of.is_none_or(|of| provider.id == of));
    if out.is_json() {
        for provider in wanted() {
            out.json_line(&json(provider)?)?;
        }
        return Ok(());
    }
    let rows = wanted().flat_map(|provider| {
        let row = |preset: &tributary_proto::admin::v1::provider::Preset| {
            vec![provider.id.clone(), preset.key.clone(), preset.provider_event.clone(), preset.help.clone()]
        };
        provider.presets.iter().map(row).collect::<Vec<_>>()
    });
    Ok(table::write(out, &["provider", "preset", "takes", "what it does"], rows.collect())?)
}

impl Listed for Source {
    const COLUMNS: &'static [&'static str] = &["key", "id", "name", "provider", "signed", "made (UTC)"];

    fn cells(&self) -> Vec<String> {
        let signed = match self.masked_signing_keys.len() {
            0 if self.connection.is_some() => "its connection".to_owned(),
            0 => "unsigned is accepted".to_owned(),
            1 => "1 key".to_owned(),
            keys => format!("{keys} keys"),
        };
        vec![
            self.key.clone(),
            id(&self.name).to_owned(),
            self.display_name.clone(),
            self.provider.clone(),
            signed,
            moment(self.create_time.as_ref()),
        ]
    }
}
