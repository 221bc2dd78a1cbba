//! `tributary workflows`.

use clap::Subcommand;
use tributary_proto::admin::v1::Workflow;

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

/// Lists workflows, or shows one.
///
/// # Errors
/// When the server refuses, or there is none such.
pub(in crate::cli) async fn run(action: Action, client: &Client, out: &Out) -> anyhow::Result<()> {
    match action {
        Action::List(Listing { of, limit }) => {
            let tenant = finder::tenant(client, of.tenant.as_deref()).await?;
            list(out, &finder::workflows(client, &tenant, limit).await?)
        }
        Action::Get(Choice { which, of }) => {
            let tenant = finder::tenant(client, of.tenant.as_deref()).await?;
            let found = finder::pick(finder::workflows(client, &tenant, usize::MAX).await?, Some(&which))?;
            one(out, &found.key, &found)
        }
    }
}

impl Listed for Workflow {
    const COLUMNS: &'static [&'static str] =
        &["key", "id", "name", "in force", "problems of the draft", "changed (UTC)"];

    fn cells(&self) -> Vec<String> {
        let version = match self.published_version {
            0 => "nothing".to_owned(),
            version => format!("version {version}"),
        };
        vec![
            self.key.clone(),
            id(&self.name).to_owned(),
            self.display_name.clone(),
            version,
            self.problems.len().to_string(),
            moment(self.update_time.as_ref()),
        ]
    }
}
