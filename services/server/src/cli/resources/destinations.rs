//! `tributary destinations`.

use clap::Subcommand;
use tributary_proto::admin::v1::{Destination, destination::State, platform};

use super::{Choice, Listing};
use crate::cli::{
    client::Client,
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
    /// List the platforms that destinations can be made for, with their settings and secrets
    Platforms {
        /// Only this one, such as meta
        platform: Option<String>,
    },
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
        Action::Platforms { platform } => platforms(platform.as_deref(), client, out).await,
    }
}

async fn platforms(of: Option<&str>, client: &Client, out: &Out) -> anyhow::Result<()> {
    let platforms = finder::platforms(client).await?;
    let wanted = || platforms.iter().filter(|platform| of.is_none_or(|of| platform.id == of));
    if out.is_json() {
        for platform in wanted() {
            out.json_line(&json(platform)?)?;
        }
        return Ok(());
    }
    let rows = wanted().flat_map(|platform| {
        let row = |field: &platform::Field| {
            let place = if field.secret { "secret" } else { "setting" };
            let needed = match field.default_value.as_str() {
                "" if field.required => "required".to_owned(),
                "" => String::new(),
                default => default.to_owned(),
            };
            vec![platform.id.clone(), place.to_owned(), field.key.clone(), needed, field.help.clone()]
        };
        platform.fields.iter().map(row).collect::<Vec<_>>()
    });
    Ok(table::write(out, &["platform", "is a", "key", "default", "what it is"], rows.collect())?)
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
