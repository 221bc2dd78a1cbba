//! `tributary sources`.

use clap::{Args, Subcommand};
use tributary_proto::admin::v1::{ListSamplesRequest, Source};

use super::{Choice, Listing, samples};
use crate::cli::{
    client::{Client, refused},
    finder,
    output::{Listed, Out, id, list, one, time::moment},
};

/// What to do.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Action {
    /// List them, oldest first
    List(Listing),
    /// Show one
    Get(Choice),
    /// Show the newest messages of one, with the paths of their values to map from
    Samples(Samples),
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

/// Lists sources, or shows one.
///
/// # Errors
/// When the server refuses, or there is none such.
pub(in crate::cli) async fn run(action: Action, client: &Client, out: &Out) -> anyhow::Result<()> {
    match action {
        Action::List(Listing { of, limit }) => {
            let tenant = finder::tenant(client, of.tenant.as_deref()).await?;
            list(out, &finder::sources(client, &tenant, limit).await?)
        }
        Action::Get(Choice { which, of }) => {
            let tenant = finder::tenant(client, of.tenant.as_deref()).await?;
            let found = finder::pick(finder::sources(client, &tenant, usize::MAX).await?, Some(&which))?;
            one(out, &found.key, &found)
        }
        Action::Samples(Samples { choice: Choice { which, of }, limit }) => {
            let tenant = finder::tenant(client, of.tenant.as_deref()).await?;
            let found = finder::pick(finder::sources(client, &tenant, usize::MAX).await?, Some(&which))?;
            let request =
                ListSamplesRequest { parent: found.name, page_size: limit, page_token: String::new() };
            let answer = client.sources().list_samples(request).await.map_err(refused)?.into_inner();
            if answer.samples.is_empty() && !out.is_json() {
                out.line("nothing was processed of it yet")?;
            }
            answer.samples.iter().try_for_each(|sample| samples::show(out, sample))
        }
    }
}

impl Listed for Source {
    const COLUMNS: &'static [&'static str] = &["key", "id", "name", "provider", "signed", "made (UTC)"];

    fn cells(&self) -> Vec<String> {
        let signed = match self.masked_signing_keys.len() {
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
