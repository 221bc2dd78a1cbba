//! `tributary connect` and `tributary disconnect`: sources and the accounts at their providers.

use std::{env, path::PathBuf};

use anyhow::bail;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;
use tributary_proto::admin::v1::{
    CalendlyReach, ConnectCalendlyRequest, ConnectCalendlyResponse, CreateSourceRequest,
    DisconnectCalendlyRequest, Source,
};

use super::{
    client::{Client, refused},
    context::piped,
    finder,
    output::{Out, Style, Text, json as as_json},
    resources::{Choice, OfTenant, samples},
    secret,
};

/// Where a token is looked for when nothing is said.
const VARIABLE: &str = "CALENDLY_TOKEN";
const PROVIDER: &str = "calendly";

/// To what.
#[derive(Debug, Subcommand)]
pub(super) enum Account {
    /// Connect a source to a Calendly account: makes the webhook subscriptions there, and looks after them from then on
    Calendly(Calendly),
}

/// Which source is connected to Calendly, and how.
#[derive(Debug, Args)]
pub(super) struct Calendly {
    /// The source's key, id or name; the only one of Calendly unless said, which is made where there is none
    #[arg(value_name = "SOURCE")]
    which: Option<String>,
    #[command(flatten)]
    of: OfTenant,
    /// The environment variable that has a personal access token of the account; CALENDLY_TOKEN unless said. Without a token,
    /// the one that is kept is used
    #[arg(long, value_name = "NAME", conflicts_with_all = ["access_token_file", "access_token_stdin"])]
    access_token_env: Option<String>,
    /// A file with the token
    #[arg(long, value_name = "FILE", conflicts_with = "access_token_stdin")]
    access_token_file: Option<PathBuf>,
    /// Read the token from standard input
    #[arg(long)]
    access_token_stdin: bool,
    /// How far it is to reach; as it does, or else the organization, or the user where the token's owner is no admin, unless said
    #[arg(long, value_enum, value_name = "REACH")]
    reach: Option<Reach>,
    /// Be told of marks of no-shows too; `--no-shows=false`: not any more; as it is unless said
    #[arg(long, value_name = "WHETHER", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    no_shows: Option<bool>,
    /// Be told of answers of routing forms too; `--routing-forms=false`: not any more; as it is unless said
    #[arg(long, value_name = "WHETHER", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    routing_forms: Option<bool>,
}

/// How far a connection reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Reach {
    /// What is booked with anybody of the organization
    Organization,
    /// What is booked with the token's owner
    User,
}

impl Calendly {
    fn token(&self) -> anyhow::Result<String> {
        if self.access_token_stdin {
            return piped("--access-token-stdin", "token");
        }
        let usual = env::var_os(VARIABLE).map(|_| VARIABLE);
        let variable = self.access_token_env.as_deref().or(usual);
        Ok(secret::read("token", self.access_token_file.as_deref(), variable)?.unwrap_or_default())
    }
}

/// Connects a source, and shows what it is connected to.
///
/// # Errors
/// When there is no token, it is not clear which source is meant, or the server or Calendly refuses.
pub(super) async fn connect(account: Account, client: &Client, out: &Out) -> anyhow::Result<()> {
    let Account::Calendly(wanted) = account;
    let token = wanted.token()?;
    let tenant = finder::tenant(client, wanted.of.tenant.as_deref()).await?;
    let (source, is_new) = source(client, &tenant, wanted.which.as_deref(), !token.is_empty()).await?;
    let reach = match wanted.reach {
        None => CalendlyReach::Unspecified,
        Some(Reach::Organization) => CalendlyReach::Organization,
        Some(Reach::User) => CalendlyReach::User,
    };
    let request = ConnectCalendlyRequest {
        name: source.name.clone(),
        token,
        reach: reach.into(),
        no_shows: wanted.no_shows,
        routing_forms: wanted.routing_forms,
    };
    let connected = client.sources().connect_calendly(request).await.map_err(refused)?.into_inner();
    show(&source, is_new, &connected, out)
}

/// The source that is meant; one that is made, where there is none of Calendly and a token to connect it with.
async fn source(
    client: &Client,
    tenant: &str,
    which: Option<&str>,
    has_token: bool,
) -> anyhow::Result<(Source, bool)> {
    let sources = finder::sources(client, tenant, usize::MAX).await?;
    if which.is_some() {
        return Ok((finder::pick(sources, which)?, false));
    }
    let known: Vec<Source> = sources.into_iter().filter(|source| source.provider == PROVIDER).collect();
    if !known.is_empty() {
        return Ok((finder::pick(known, None)?, false));
    }
    if !has_token {
        bail!(
            "there is no source of Calendly yet, and no token to connect one with: set {VARIABLE}, or say where it is"
        );
    }
    let source = Source {
        key: PROVIDER.to_owned(),
        display_name: "Calendly".to_owned(),
        provider: PROVIDER.to_owned(),
        ..Source::default()
    };
    let request = CreateSourceRequest {
        parent: tenant.to_owned(),
        source: Some(source),
        draft_workflows: true,
        ..CreateSourceRequest::default()
    };
    let made = client.sources().create_source(request).await.map_err(refused)?.into_inner();
    Ok((made.source.unwrap_or_default(), true))
}

fn show(source: &Source, is_new: bool, connected: &ConnectCalendlyResponse, out: &Out) -> anyhow::Result<()> {
    let connection = connected.connection.clone().unwrap_or_default();
    if out.is_json() {
        let sample = connected.sample.as_ref().map(as_json).transpose()?;
        let shown = json!({ "source": source.name, "connection": as_json(&connection)?, "sample": sample });
        return Ok(out.json_line(&shown)?);
    }
    if is_new {
        out.line("a source was made, with drafts of workflows: see `tributary workflows list`")?;
    }
    let reach = match connection.reach() {
        CalendlyReach::User => "what is booked with the token's owner",
        CalendlyReach::Organization | CalendlyReach::Unspecified => {
            "what is booked with anybody of the organization"
        }
    };
    let head =
        Text::new().with(Style::Bold, &source.key).with(Style::Good, "  connected").and(Style::Plain, reach);
    out.text(&head)?;
    out.text(&Text::new().with(Style::Dim, "it tells of ").plain(connection.events.join(", ")))?;
    match &connected.sample {
        Some(sample) => {
            out.line("the newest booking, to map from (nothing follows from it):")?;
            samples::show(out, sample)
        }
        None => {
            Ok(out.line("nothing is booked yet: book a meeting, and see `tributary logs source --follow`")?)
        }
    }
}

/// Takes the connection of a source away.
///
/// # Errors
/// When the server refuses, or there is none.
pub(super) async fn disconnect(choice: &Choice, client: &Client, out: &Out) -> anyhow::Result<()> {
    let source = choice.source(client).await?;
    let request = DisconnectCalendlyRequest { name: source.name.clone() };
    let left = client.sources().disconnect_calendly(request).await.map_err(refused)?.into_inner();
    if out.is_json() {
        let shown = json!({
            "source": source.name,
            "remaining_subscriptions": left.remaining_subscriptions,
            "advice": left.advice,
        });
        return Ok(out.json_line(&shown)?);
    }
    out.line(&format!("{} is not connected any more", source.key))?;
    for uri in &left.remaining_subscriptions {
        out.text(
            &Text::new().with(Style::Warn, "left at Calendly ").plain(uri).and(Style::Plain, &left.advice),
        )?;
    }
    Ok(())
}
