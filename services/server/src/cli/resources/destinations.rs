//! `tributary destinations`.

use clap::Subcommand;
use tributary_proto::admin::v1::{Destination, destination::State};

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

/// Lists destinations, or shows one.
///
/// # Errors
/// When the server refuses, or there is none such.
pub(in crate::cli) async fn run(action: Action, client: &Client, out: &Out) -> anyhow::Result<()> {
    match action {
        Action::List(Listing { of, limit }) => {
            let tenant = finder::tenant(client, of.tenant.as_deref()).await?;
            list(out, &finder::destinations(client, &tenant, limit).await?)
        }
        Action::Get(Choice { which, of }) => {
            let tenant = finder::tenant(client, of.tenant.as_deref()).await?;
            let found = finder::pick(finder::destinations(client, &tenant, usize::MAX).await?, Some(&which))?;
            one(out, &found.key, &found)
        }
    }
}

impl Listed for Destination {
    const COLUMNS: &'static [&'static str] = &["key", "id", "name", "platform", "state", "made (UTC)"];

    fn cells(&self) -> Vec<String> {
        let state = match self.state() {
            State::Unspecified => "unknown",
            State::Enabled => "enabled",
            State::Paused => "paused",
            State::Disabled => "disabled",
        };
        let state = match self.state_reason.as_str() {
            "" => state.to_owned(),
            reason => format!("{state}: {reason}"),
        };
        vec![
            self.key.clone(),
            id(&self.name).to_owned(),
            self.display_name.clone(),
            self.platform.clone(),
            state,
            moment(self.create_time.as_ref()),
        ]
    }
}
