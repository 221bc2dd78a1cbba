//! `tributary sources`.

use clap::Subcommand;
use tributary_proto::admin::v1::Source;

use super::{Choice, Listing};
use crate::cli::{
    client::Client,
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
