//! `tributary logs`: what came in, what workflows did with it, and where it went.

mod deliveries;
mod follow;
mod rows;
mod source;
mod workflow;

use super::{client::Client, output::Out};

pub(super) use rows::{cluid_words, state_words};

/// Which log.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Log {
    /// What a source received
    Source(Choice),
    /// What a workflow did with it
    Workflow(Choice),
    /// Where events went
    Deliveries(Reading),
}

/// One source or workflow, and how much of its log.
#[derive(Debug, clap::Args)]
pub(super) struct Choice {
    /// Its key, id or name; not needed where there is one only
    #[arg(value_name = "NAME")]
    which: Option<String>,
    #[command(flatten)]
    reading: Reading,
}

/// How much of a log.
#[derive(Debug, clap::Args)]
pub(super) struct Reading {
    /// Go on with what happens from now on
    #[arg(long, short)]
    follow: bool,
    /// How many entries of the past at most
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
    /// Which entries of the past, such as: time >= "2026-01-31T09:30:00Z"
    #[arg(long, value_name = "FILTER", default_value = "", hide_default_value = true)]
    filter: String,
    /// The tenant's key, id or name; not needed where there is one only
    #[arg(long, value_name = "TENANT")]
    tenant: Option<String>,
}

/// Shows a log, the newest entry last.
///
/// # Errors
/// When the server refuses, or standard output cannot be written to.
pub(super) async fn run(log: Log, client: &Client, out: &Out) -> anyhow::Result<()> {
    match log {
        Log::Source(choice) => source::run(&choice, client, out).await,
        Log::Workflow(choice) => workflow::run(&choice, client, out).await,
        Log::Deliveries(reading) => deliveries::run(&reading, client, out).await,
    }
}
