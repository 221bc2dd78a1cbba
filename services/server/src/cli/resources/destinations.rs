//! `tributary destinations`.

use clap::{Subcommand, ValueEnum};
use prost_types::FieldMask;
use tributary_proto::admin::v1::{
    ConsentRule, Destination, UpdateDestinationRequest, consent_rule::WhenUnknown, destination::State,
};

use super::{Choice, Listing};
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
    /// Set what people must have agreed to before their events go to one
    Consent {
        /// The one that is changed
        #[command(flatten)]
        choice: Choice,
        /// A purpose that has to be granted: the name of a consent as workflows fill it; can be repeated
        #[arg(long = "require", value_name = "PURPOSE", required_unless_present = "none")]
        purposes: Vec<String>,
        /// What is done where nothing is known of a purpose
        #[arg(long, value_enum, default_value_t = Unknown::Deny)]
        unknown: Unknown,
        /// Ask for nothing any more
        #[arg(long, conflicts_with_all = ["purposes", "unknown"])]
        none: bool,
    },
}

/// What is done where nothing is known of a purpose.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(in crate::cli) enum Unknown {
    /// The event is not sent
    Deny,
    /// The event is sent
    Allow,
}

/// Lists destinations, shows one, or sets what one asks people for.
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
        Action::Consent { choice: Choice { which, of }, purposes, unknown, none } => {
            let tenant = finder::tenant(client, of.tenant.as_deref()).await?;
            let found = finder::pick(finder::destinations(client, &tenant, usize::MAX).await?, Some(&which))?;
            let when_unknown = match unknown {
                Unknown::Deny => WhenUnknown::Deny,
                Unknown::Allow => WhenUnknown::Allow,
            };
            let rule = ConsentRule { purposes, when_unknown: when_unknown.into() };
            let destination = Destination { consent: (!none).then_some(rule), ..found };
            let update_mask = Some(FieldMask { paths: vec!["consent".to_owned()] });
            let request = UpdateDestinationRequest { destination: Some(destination), update_mask };
            let changed =
                client.destinations().update_destination(request).await.map_err(refused)?.into_inner();
            one(out, &changed.key, &changed)
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
