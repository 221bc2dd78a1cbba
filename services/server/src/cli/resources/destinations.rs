//! `tributary destinations`.

mod quality;
mod testing;

use clap::{Subcommand, ValueEnum};
use prost_types::FieldMask;
use tributary_proto::admin::v1::{
    ConsentRule, Destination, DestinationHealth, UpdateDestinationRequest,
    consent_rule::WhenUnknown,
    destination::{State, credential::State as CredentialState},
    destination_health::Flow,
    platform,
};

use super::{Choice, Listing};
use crate::cli::{
    client::{Client, refused},
    finder,
    output::{Listed, Out, id, json, list, one, table, time::moment},
};

/// What to do.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Action {
    /// List them, oldest first
    List {
        #[command(flatten)]
        listing: Listing,
        /// Only those whose credential stands like this
        #[arg(long, value_enum, value_name = "STATE")]
        credential: Option<Stands>,
    },
    /// Show one
    Get(Choice),
    /// List the platforms that destinations can be made for, with their settings and secrets
    Platforms {
        /// Only this one, such as meta
        platform: Option<String>,
    },
    /// Show what one would be sent of an event, and send it to its platform's test facility with --send
    Test(testing::Args),
    /// Show how well platforms could find the people of what was delivered, and what would raise that most
    Quality(quality::Args),
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

/// How a credential stands.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(in crate::cli) enum Stands {
    /// It was not tried since it was entered
    Unknown,
    /// It works
    Valid,
    /// It works, and ends within a week
    Expiring,
    /// It has ended, or no access token can be had with it now
    Expired,
    /// It is not valid any more, or never was
    Revoked,
    /// It may not do what is asked of it
    ScopeMissing,
}

impl Stands {
    /// As lists are filtered by it.
    fn code(self) -> &'static str {
        match self {
            Self::Unknown => "UNKNOWN",
            Self::Valid => "VALID",
            Self::Expiring => "EXPIRING",
            Self::Expired => "EXPIRED",
            Self::Revoked => "REVOKED",
            Self::ScopeMissing => "SCOPE_MISSING",
        }
    }
}

/// Lists destinations, shows or tests one, or sets what one asks people for.
///
/// # Errors
/// When the server refuses, or there is none such.
pub(in crate::cli) async fn run(action: Action, client: &Client, out: &Out) -> anyhow::Result<()> {
    match action {
        Action::List { listing: Listing { of, limit }, credential } => {
            let tenant = finder::tenant(client, of.tenant.as_deref()).await?;
            let filter = credential.map(|stands| format!("credential_state = {}", stands.code()));
            list(out, &finder::destinations_of(client, &tenant, &filter.unwrap_or_default(), limit).await?)
        }
        Action::Get(Choice { which, of }) => {
            let tenant = finder::tenant(client, of.tenant.as_deref()).await?;
            let found = finder::pick(finder::destinations(client, &tenant, usize::MAX).await?, Some(&which))?;
            one(out, &found.key, &found)
        }
        Action::Platforms { platform } => platforms(platform.as_deref(), client, out).await,
        Action::Test(args) => testing::run(args, client, out).await,
        Action::Quality(args) => quality::run(&args, client, out).await,
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

/// How its credential stands, and what to do where that is not well.
fn credential(of: &Destination) -> String {
    let Some(credential) = &of.credential else { return "unknown".to_owned() };
    let state = match credential.state() {
        CredentialState::Unspecified | CredentialState::Unknown => "unknown",
        CredentialState::Valid => "valid",
        CredentialState::Expiring => "expiring",
        CredentialState::Expired => "expired",
        CredentialState::Revoked => "revoked",
        CredentialState::ScopeMissing => "scope missing",
    };
    match credential.reason.as_str() {
        "" => state.to_owned(),
        reason => format!("{state}: {reason}"),
    }
}

impl Listed for Destination {
    const COLUMNS: &'static [&'static str] =
        &["key", "id", "name", "platform", "state", "credential", "made (UTC)"];

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
        let state = match self.health.as_ref().map(DestinationHealth::flow) {
            Some(Flow::Broken | Flow::Probing) => format!("{state}, does not work now"),
            Some(Flow::Throttled) => format!("{state}, asked to wait"),
            Some(Flow::Open | Flow::Unspecified) | None => state,
        };
        vec![
            self.key.clone(),
            id(&self.name).to_owned(),
            self.display_name.clone(),
            self.platform.clone(),
            state,
            credential(self),
            moment(self.create_time.as_ref()),
        ]
    }
}
