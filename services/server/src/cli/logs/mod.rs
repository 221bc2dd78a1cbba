//! `tributary logs`: what came in, what workflows did with it, and where it went.

mod deliveries;
pub(super) mod filter;
mod follow;
mod rows;
mod source;
mod workflow;

use filter::Wanted;

use super::{client::Client, output::Out};

pub(super) use filter::{comparison, joined, span, time as time_of};
pub(super) use rows::{cluid_words, state_of};

/// Which log.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Log {
    /// What a source received
    Source(Choice),
    /// What a workflow did with it
    Workflow(Choice),
    /// Where events went
    Deliveries(Attempts),
}

/// Stands for all sources, or all workflows.
const ALL: &str = "-";

/// One source or workflow, and how much of its log.
#[derive(Debug, clap::Args)]
pub(super) struct Choice {
    /// Its key, id or name; not needed where there is one only; `-`: all of the tenant
    #[arg(value_name = "NAME")]
    which: Option<String>,
    #[command(flatten)]
    reading: Reading,
}

/// How much of the log of deliveries.
#[derive(Debug, clap::Args)]
pub(super) struct Attempts {
    /// Only those for the destination of this key, id or name
    #[arg(long, value_name = "DESTINATION")]
    destination: Option<String>,
    #[command(flatten)]
    reading: Reading,
}

/// How much of a log.
#[derive(Debug, clap::Args)]
pub(super) struct Reading {
    /// Go on with what happens from now on
    #[arg(long, short, conflicts_with = "until")]
    follow: bool,
    /// How many entries of the past at most
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
    /// The oldest of them, not the newest
    #[arg(long, conflicts_with = "follow")]
    oldest: bool,
    #[command(flatten)]
    wanted: Wanted,
    /// The tenant's key, id or name; not needed where there is one only
    #[arg(long, value_name = "TENANT")]
    tenant: Option<String>,
}

impl Reading {
    /// The order of the API that begins with the entries that are wanted.
    fn order_by(&self) -> String {
        if self.oldest { "time" } else { "time desc" }.to_owned()
    }
}

/// Shows a log, the newest entry last.
///
/// # Errors
/// When the server refuses, or standard output cannot be written to.
pub(super) async fn run(log: Log, client: &Client, out: &Out) -> anyhow::Result<()> {
    match log {
        Log::Source(choice) => source::run(&choice, client, out).await,
        Log::Workflow(choice) => workflow::run(&choice, client, out).await,
        Log::Deliveries(attempts) => deliveries::run(&attempts, client, out).await,
    }
}
