//! `tributary dev`: plays a provider to a running server, and shows what it made of that. What it makes up goes to no
//! destination, unless somebody says so.

mod body;
mod fill;
mod outcome;
mod play;
mod scenario;
mod source;

use std::process::ExitCode;

use anyhow::{anyhow, bail};
use http::Uri;
use serde_json::json;
use tributary_connectors::sources;
use tributary_domain::time::Clock;
use tributary_telemetry::ambient::{SystemClock, random_u128};
use tributary_tls::Protocol;

use self::{fill::Filler, scenario::Scenario, source::Target};
use super::{
    address::Addresses,
    client::Client,
    context, finder,
    output::{Out, Style, Text, table},
    reach::Reach,
    send::{Poster, Sender},
};
use crate::config::Config;

/// What to play, and to whom.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Names of scenarios, or files with such; `all` stands for all that are built in
    #[arg(value_name = "SCENARIO", required_unless_present = "list")]
    scenarios: Vec<String>,
    /// List the scenarios that are built in
    #[arg(long)]
    list: bool,
    /// The tenant to play to: its key, id or name
    #[arg(long, value_name = "TENANT", conflicts_with = "url")]
    tenant: Option<String>,
    /// Play although the tenant has destinations, which get the made-up conversions too
    #[arg(long, conflicts_with = "url")]
    deliver: bool,
    /// Where to; the default is a source of its own for each provider, dev_…, with all presets published
    #[arg(long, value_name = "WEBHOOK_URL")]
    url: Option<String>,
    /// What to sign with, when it is sent to --url; nothing is signed without it
    #[arg(long, value_name = "SIGNING_KEY", requires = "url")]
    key: Option<String>,
}

/// Plays scenarios one after another. The exit code is 1 when an answer, or what became of the messages, is other than the
/// scenario says.
///
/// # Errors
/// When a scenario cannot be read, or the server refuses.
pub(super) async fn run(
    args: &Args,
    config: &Config,
    reach: &Reach,
    says_folder: bool,
    out: &Out,
) -> anyhow::Result<ExitCode> {
    if args.list {
        return list(out);
    }
    let names = args.scenarios.iter().flat_map(|name| match name.as_str() {
        "all" => scenario::built_in().map(str::to_owned).collect(),
        _ => vec![name.clone()],
    });
    let scenarios: Vec<(String, Scenario)> =
        names.map(|name| scenario::find(&name).map(|found| (name, found))).collect::<Result<_, _>>()?;
    let client = context::connect(reach, config, says_folder).await;
    let client = match (client, &args.url) {
        (Ok(client), _) => Some(client),
        // What is sent and answered can be shown all the same.
        (Err(_), Some(_)) => None,
        (Err(error), None) => return Err(error),
    };
    if let (Some(client), None, false) = (&client, &args.url, args.deliver) {
        check_deliveries(client, args.tenant.as_deref()).await?;
    }
    let mut is_good = true;
    for (name, scenario) in &scenarios {
        is_good &= Box::pin(one(name, scenario, args, client.as_ref(), config, reach, out)).await?;
    }
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Refuses where made-up conversions would be delivered to somebody.
async fn check_deliveries(client: &Client, tenant: Option<&str>) -> anyhow::Result<()> {
    let tenant = finder::tenant(client, tenant).await?;
    let destinations = finder::destinations(client, &tenant, usize::MAX).await?;
    // What is paused or disabled is sent later, so that any counts.
    let keys: Vec<_> = destinations.into_iter().map(|one| one.key).collect();
    if keys.is_empty() {
        return Ok(());
    }
    bail!(
        "the tenant has destinations ({}), which would get the made-up conversions: play to a tenant without any, or say \
         --deliver where they may have them",
        keys.join(", ")
    )
}

/// Plays one scenario; whether all is as it says.
async fn one(
    name: &str,
    scenario: &Scenario,
    args: &Args,
    client: Option<&Client>,
    config: &Config,
    reach: &Reach,
    out: &Out,
) -> anyhow::Result<bool> {
    let provider = sources::provider(&scenario.provider);
    let provider = provider.ok_or_else(|| anyhow!("{name}: no provider `{}`", scenario.provider))?;
    let ready = body::all(scenario, provider, &mut Filler::new(SystemClock.now(), random_u128))?;
    let target = match (&args.url, client) {
        (Some(url), _) => Target { url: url.clone(), key: args.key.clone() },
        (None, Some(client)) => source::own(client, args.tenant.as_deref(), provider.name()).await?,
        (None, None) => bail!("say where to with --url"),
    };
    let sender = Sender::new(provider.name(), target.key, &target.url)?;
    let poster = poster(&target.url, config, reach)?;
    if !out.is_json() {
        let heading = Text::new().with(Style::Bold, name).with(Style::Dim, format!("  {}", scenario.about));
        out.text(&heading)?;
    }
    let played = play::all(scenario, &ready, &sender, &poster, out).await?;
    // Of a source that somebody else set up nobody knows what it makes.
    let (client, expect) = match (client, &args.url) {
        (Some(client), None) => (client, Some(&scenario.expect)),
        (Some(client), Some(_)) => (client, None),
        (None, _) => return Ok(played.unexpected == 0),
    };
    let made = outcome::of(client, &played.messages).await?;
    let differences = expect.map(|expect| made.differences(expect)).unwrap_or_default();
    made.show(out, &differences)?;
    Ok(played.unexpected == 0 && differences.is_empty())
}

/// Posts to a webhook URL; the door of this machine's own server is known by its certificate.
fn poster(url: &str, config: &Config, reach: &Reach) -> anyhow::Result<Poster> {
    let own = Addresses::of(config);
    let place = url.parse::<Uri>().ok().and_then(|url| Some(url.authority()?.to_string()));
    let is_own = place.is_some_and(|place| place == own.http.to_string());
    let trust = if is_own { own.door_trust()? } else { None };
    let trust = trust.map_or_else(|| reach.trust(Protocol::Http1), Ok)?;
    Poster::new(url, &trust)
}

fn list(out: &Out) -> anyhow::Result<ExitCode> {
    let mut rows = Vec::new();
    for name in scenario::built_in() {
        let found = scenario::find(name)?;
        if out.is_json() {
            out.json_line(&json!({ "name": name, "provider": found.provider, "about": found.about }))?;
        }
        rows.push(vec![name.to_owned(), found.provider, found.about]);
    }
    if !out.is_json() {
        table::write(out, &["scenario", "provider", "what it shows"], rows)?;
    }
    Ok(ExitCode::SUCCESS)
}
