//! `tributary send`: signs a file as its sender would, and posts it.

mod booking;
mod letter;
mod post;
mod summary;

use std::{path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use anyhow::{Context, bail};
use clap::builder::PossibleValuesParser;
use tokio::{sync::mpsc, time::Instant};
use tributary_connectors::sources;
use tributary_tls::{Protocol, TlsClient};

use self::summary::Summary;
use super::{address::Addresses, client::runtime, output::Out, quickstart::Saved, reach::Reach};
use crate::config::Config;

pub(super) use booking::fresh_booking;
pub(super) use letter::{Label, Letter, Sender};
pub(super) use post::{Answer, Poster};

/// What to send, where to, and how often.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The body; the default is a new booking each time, or what another provider could send
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Who sends and signs
    #[arg(long, default_value = CALENDLY, value_parser = PossibleValuesParser::new(names()))]
    provider: String,
    /// The event, for providers that name it in a header; the default is that of the provider's sample
    #[arg(long, value_name = "EVENT", default_value = "", hide_default_value = true)]
    event: String,
    /// Where to; the default is the quickstart's source
    #[arg(long, value_name = "WEBHOOK_URL")]
    url: Option<String>,
    /// What to sign with; the default is the quickstart's signing key for its own source, and nothing for others
    #[arg(long, value_name = "SIGNING_KEY")]
    key: Option<String>,
    /// How often
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    repeat: u32,
    /// How many a second at most
    #[arg(long, value_name = "RATE", value_parser = rate)]
    rate: Option<f64>,
    /// How many at once
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    connections: u32,
    /// Make each a booking of its own, of now (Calendly only); without it, repeats are duplicates, where the body tells
    #[arg(long)]
    fresh: bool,
}

const JSON: &str = "application/json";
/// The provider that the quickstart's source has.
const CALENDLY: &str = "calendly";

fn names() -> impl Iterator<Item = &'static str> {
    sources::providers().iter().filter(|provider| !provider.is_public()).map(|provider| provider.name())
}

fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if rate.is_finite() && rate >= 0.001 { Ok(rate) } else { Err("has to be at least 0.001".to_owned()) }
}

/// Sends, and shows the id of each message, and a summary of many.
///
/// # Errors
/// When there is nothing to send, or nowhere to send it to.
pub(super) fn run(args: &Args, config: &Config, reach: &Reach, out: &Out) -> anyhow::Result<ExitCode> {
    let Target { url, key, tls } = target(args, config, reach)?;
    let sender = Sender::new(&args.provider, key, &url)?;
    let letter = letter(args, &sender)?;
    let poster = Poster::new(&url, &tls)?;
    let label = Label { event: args.event.clone(), content_type: content_type(args), ..Label::default() };
    runtime()?.block_on(send(args, Arc::new(Work { letter, label, sender, poster }), out))
}

/// Files that say of themselves that they are JSON are so, whatever the provider sends else.
fn content_type(args: &Args) -> String {
    let is_json = args.file.as_ref().and_then(|file| file.extension()).is_some_and(|kind| kind == "json");
    if is_json { JSON.to_owned() } else { String::new() }
}

fn letter(args: &Args, sender: &Sender) -> anyhow::Result<Letter> {
    let is_calendly = args.provider == CALENDLY;
    match &args.file {
        Some(_) if args.fresh && !is_calendly => {
            bail!("--fresh is for Calendly only: it knows no other body")
        }
        Some(file) => {
            let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
            if args.fresh { Letter::fresh(&bytes) } else { Ok(Letter::Fixed(bytes.into())) }
        }
        None if is_calendly => Ok(Letter::sample()?),
        None => Ok(Letter::Fixed(sender.sample().body.into())),
    }
}

/// Where to, what to sign with, and whom to trust.
struct Target {
    url: String,
    key: Option<String>,
    tls: TlsClient,
}

fn target(args: &Args, config: &Config, reach: &Reach) -> anyhow::Result<Target> {
    let trust = || reach.trust(Protocol::Http1);
    if let Some(url) = &args.url {
        return Ok(Target { url: url.clone(), key: args.key.clone(), tls: trust()? });
    }
    if args.provider != CALENDLY {
        bail!("say where to with --url: the quickstart's source is one of Calendly");
    }
    let Some(saved) = Saved::read(&config.data_dir)? else {
        bail!("say where to with --url, or run `tributary quickstart` first with this data folder");
    };
    // The URL may be that of a proxy, which may not be there yet; the quickstart's server is on this machine.
    let own = Addresses::of(config);
    let tls = own.door_trust()?.map_or_else(trust, Ok)?;
    let key = args.key.clone().unwrap_or(saved.signing_key);
    Ok(Target { url: own.webhook(&saved.webhook_url)?, key: Some(key), tls })
}

/// What every connection does.
#[derive(Debug)]
struct Work {
    letter: Letter,
    label: Label,
    sender: Sender,
    poster: Poster,
}

async fn send(args: &Args, work: Arc<Work>, out: &Out) -> anyhow::Result<ExitCode> {
    let (tell, mut told) = mpsc::channel(64);
    let start = Instant::now();
    for connection in 0..args.connections.min(args.repeat) {
        let (work, tell) = (Arc::clone(&work), tell.clone());
        let turns = (connection..args.repeat).step_by(args.connections as usize);
        let rate = args.rate;
        tokio::spawn(async move {
            for turn in turns {
                if let Some(rate) = rate {
                    tokio::time::sleep_until(start + Duration::from_secs_f64(f64::from(turn) / rate)).await;
                }
                let answer = work.poster.post(work.sender.sign(work.letter.body(), &work.label)).await;
                if tell.send(answer).await.is_err() {
                    return;
                }
            }
        });
    }
    drop(tell);
    let mut summary = Summary::default();
    while let Some(answer) = told.recv().await {
        summary::tell(out, &answer)?;
        summary.add(&answer);
    }
    if args.repeat > 1 {
        summary.show(out, start.elapsed())?;
    }
    Ok(if summary.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[cfg(test)]
mod tests {
    use super::rate;

    #[test]
    fn a_rate_is_a_positive_number() {
        assert_eq!(rate("0.5"), Ok(0.5));
        for text in ["0", "-1", "NaN", "inf", "x", "1e-300"] {
            assert!(rate(text).is_err(), "{text}");
        }
    }
}
