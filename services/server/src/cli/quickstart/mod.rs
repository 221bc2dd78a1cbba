//! `tributary quickstart`: a server with a demo, shown by one booking.

mod farewell;
mod saved;
mod setup;

use std::{process::ExitCode, time::Duration};

use anyhow::{anyhow, bail};
use tokio::time::{Instant, sleep};
use tributary_proto::admin::v1::{MessageTrace, delivery::State};
use tributary_tls::Protocol;

use super::{
    address::Addresses,
    client::Client,
    output::{Out, Style, Text},
    reach::Reach,
    send::{Letter, Poster, Sender},
    trace,
};
use crate::{
    config::Config,
    run::{Running, echo::Echo, on_system, start},
};

pub(super) use saved::Saved;

/// How long a booking may take from the door to the last delivery; it takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often is looked whether it is through.
const LOOK: Duration = Duration::from_millis(25);
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
    let sender = Sender::new("calendly", Some(saved.signing_key.clone()))?;
    let answer = Poster::new(&own, &trust)?.post(sender.sign(Letter::sample()?.body())).await;
    answer.outcome.map_err(|error| anyhow!("the booking was not accepted: {error}"))
}

/// The trace of a message, once all that becomes of it has happened.
async fn through(client: &Client, message: &str) -> anyhow::Result<MessageTrace> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let trace = trace::get(client, message).await?;
        if is_complete(&trace) {
            return Ok(trace);
        }
        if Instant::now() >= deadline {
            bail!(
                "{message} did not come through within {} s: see `tributary trace {message}`",
                PATIENCE.as_secs()
            );
        }
        sleep(LOOK).await;
    }
}

/// Whether nothing more will happen: the message is processed, and no delivery waits.
fn is_complete(trace: &MessageTrace) -> bool {
    let deliveries = trace.runs.iter().flat_map(|run| &run.events).flat_map(|event| &event.deliveries);
    let mut states = deliveries.filter_map(|trace| trace.delivery.as_ref()).map(|delivery| delivery.state());
    let is_processed = trace.message.as_ref().is_some_and(|message| message.process_time.is_some());
    is_processed && states.all(|state| state != State::Pending)
}

#[cfg(test)]
mod tests {
    use tributary_proto::admin::v1::{Delivery, DeliveryTrace, EventTrace, Message, RunTrace};

    use super::*;

    fn trace(is_processed: bool, state: State) -> MessageTrace {
        let process_time = is_processed.then(prost_types::Timestamp::default);
        let delivery = Delivery { state: state.into(), ..Delivery::default() };
        let deliveries = vec![DeliveryTrace { delivery: Some(delivery), ..DeliveryTrace::default() }];
        let events = vec![EventTrace { deliveries, ..EventTrace::default() }];
        MessageTrace {
            message: Some(Message { process_time, ..Message::default() }),
            runs: vec![RunTrace { events, ..RunTrace::default() }],
            ..MessageTrace::default()
        }
    }

    #[test]
    fn a_trace_is_complete_when_nothing_waits() {
        assert!(is_complete(&trace(true, State::Delivered)) && is_complete(&trace(true, State::Failed)));
        assert!(!is_complete(&trace(true, State::Pending)));
        assert!(!is_complete(&trace(false, State::Delivered)) && !is_complete(&MessageTrace::default()));
    }

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
