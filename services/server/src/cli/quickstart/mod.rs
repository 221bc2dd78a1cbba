//! `tributary quickstart`: a server with a demo, shown by one booking.

mod farewell;
mod saved;
mod setup;

use std::{process::ExitCode, time::Duration};

use anyhow::{anyhow, bail};
use tributary_proto::admin::v1::MessageTrace;
use tributary_tls::Protocol;

use super::{
    address::Addresses,
    client::Client,
    output::{Out, Style, Text},
    reach::Reach,
    send::{Label, Letter, Poster, Sender},
    trace,
};
use crate::{
    config::Config,
    run::{Running, echo::Echo, on_system, start},
};

pub(super) use saved::Saved;

/// How long a booking may take from the door to the last delivery; it takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(20);
/// Where the echo receiver is; deliveries go nowhere else on this machine's own networks.
const LOOPBACK: &str = "127.0.0.0/8";

/// Starts a server, shows what it does, and serves until told to stop.
///
/// # Errors
/// When the server cannot be started, the booking is not accepted, or it does not come through.
pub(super) fn run(config: Config, out: &Out) -> anyhow::Result<ExitCode> {
    let config = adapted(config);
    on_system(&config, |ground| async {
        let running = Box::pin(start(config.clone(), ground)).await?;
        match Box::pin(show(&config, &running, out)).await {
            Ok(()) => {
                running.until_stopped().await?;
                Ok(out.text(&Text::new().plain("stopped; the same command goes on with what is here"))?)
            }
            Err(error) => {
                running.stop().await?;
                Err(error)
            }
        }
    })?;
    Ok(ExitCode::SUCCESS)
}

/// The configuration with what a demo needs: it can be explored, its deliveries may go to this machine, and the log
/// does not drown what is shown, unless somebody asked for one.
fn adapted(mut config: Config) -> Config {
    config.admin.reflection = true;
    if !config.egress.allow.iter().any(|subnet| subnet == LOOPBACK) {
        config.egress.allow.push(LOOPBACK.to_owned());
    }
    if config.telemetry.log_filter == Config::default().telemetry.log_filter {
        "warn".clone_into(&mut config.telemetry.log_filter);
    }
    config
}

async fn show(config: &Config, running: &Running, out: &Out) -> anyhow::Result<()> {
    let client = Reach::local().connect(config).await?;
    let before = Saved::read(&config.data_dir)?;
    let echo = Echo::start(before.as_ref().map_or(0, |saved| saved.echo_port)).await?;
    let is_first = before.is_none();
    let saved = Box::pin(setup::ensure(&client, before, running.public_url(), &echo.url())).await?;
    saved.write(&config.data_dir)?;
    if !out.is_json() {
        let what = if is_first { "made a demo tenant" } else { "found the demo tenant again" };
        let words = format!("{what} in {}, and sent one booking through it:", config.data_dir.display());
        out.text(&Text::new().with(Style::Dim, words))?;
    }
    let message = book(config, &saved).await?;
    trace::show(out, &through(&client, &message).await?)?;
    farewell::show(out, config, &saved, running)
}

/// Sends a booking through the server's own public door, as Calendly would; returns the message's id.
async fn book(config: &Config, saved: &Saved) -> anyhow::Result<String> {
    let addresses = Addresses::of(config);
    let (own, trust) = (addresses.webhook(&saved.webhook_url)?, addresses.door_trust()?);
    let trust = trust.map_or_else(|| Reach::local().trust(Protocol::Http1), Ok)?;
    let sender = Sender::new("calendly", Some(saved.signing_key.clone()), &own)?;
    let answer =
        Poster::new(&own, &trust)?.post(sender.sign(Letter::sample()?.body(), &Label::default())).await;
    answer.outcome.map_err(|error| anyhow!("the booking was not accepted: {error}"))
}

/// The trace of a message, once all that becomes of it has happened.
async fn through(client: &Client, message: &str) -> anyhow::Result<MessageTrace> {
    let (trace, is_through) = trace::settled(client, message, PATIENCE).await?;
    if !is_through {
        let seconds = PATIENCE.as_secs();
        bail!("{message} did not come through within {seconds} s: see `tributary trace {message}`");
    }
    Ok(trace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_demo_may_deliver_to_this_machine_and_respects_the_log_that_was_asked_for() {
        let config = adapted(adapted(Config::default()));
        assert_eq!(config.egress.allow, [LOOPBACK]);
        assert!(config.admin.reflection && config.telemetry.log_filter == "warn");
        let mut asked = Config::default();
        "debug".clone_into(&mut asked.telemetry.log_filter);
        assert_eq!(adapted(asked).telemetry.log_filter, "debug");
    }
}
