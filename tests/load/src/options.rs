//! What is measured, for how long, and where the results go.

use std::{path::PathBuf, time::Duration};

use clap::{Parser, ValueEnum};

/// Measures the house against a bare HTTP handler on the same machine.
#[derive(Debug, Parser)]
#[command(name = "tributary-load", about)]
pub(crate) struct Options {
    /// Only these, such as P1,P2
    #[arg(long, value_delimiter = ',', ignore_case = true, value_name = "GOALS")]
    only: Vec<Measured>,
    /// How long each load lasts, in seconds
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub(crate) seconds: u64,
    /// How often P1, P2, P4 and P5 are measured; the median counts
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) runs: u32,
    /// Connections that send
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) connections: u32,
    /// P5b with 1,000,000 deliveries that wait instead of 100,000; P6 with 10,000,000 rows of logs instead of 200,000; P7 and P8 with 1,000,000 cluids and a backlog of 100,000
    /// instead of 50,000 and 10,000
    #[arg(long)]
    pub(crate) full: bool,
    /// How many rows of logs P6 grows to
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(10_000..=1_000_000_000))]
    log_rows: Option<u64>,
    /// P6 on this Postgres database, which is empty and is left full, instead of SQLite
    #[arg(long, value_name = "URL")]
    pub(crate) log_database: Option<String>,
    /// The tributary binary; without it the release binary is built
    #[arg(long, value_name = "PATH")]
    pub(crate) bin: Option<PathBuf>,
    /// Where the data folders are made; without it beside this binary, so that it is a real disk
    #[arg(long, value_name = "DIR")]
    pub(crate) work_dir: Option<PathBuf>,
    /// Write the results as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Draw throughput and latency over time
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
    /// End with exit code 1 when a gate is missed
    #[arg(long)]
    pub(crate) gate: bool,
    /// Be the bare handler
    #[arg(long, hide = true)]
    pub(crate) bare: bool,
}

/// The goals that can be measured on one machine with nothing installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "UPPER")]
pub(crate) enum Measured {
    /// Durable acknowledgement.
    P1,
    /// The whole way.
    P2,
    /// First byte at a destination.
    P4,
    /// Delivered.
    P5,
    /// Deliveries that wait.
    #[value(name = "P5b")]
    P5b,
    /// Logs of many rows.
    P6,
    /// Memory.
    P7,
    /// Start.
    P8,
    /// Backtests.
    P9,
}

impl Options {
    /// Whether this is to be measured.
    pub(crate) fn wants(&self, goal: Measured) -> bool {
        self.only.is_empty() || self.only.contains(&goal)
    }

    /// How long each load lasts.
    pub(crate) fn duration(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }

    /// How many cluids P7 and P8 grow to.
    pub(crate) fn cluids(&self) -> u64 {
        if self.full { 1_000_000 } else { 50_000 }
    }

    /// How many deliveries wait in P5b.
    pub(crate) fn waiting(&self) -> u64 {
        if self.full { 1_000_000 } else { 100_000 }
    }

    /// How many rows of logs P6 grows to.
    pub(crate) fn log_rows(&self) -> u64 {
        self.log_rows.unwrap_or(if self.full { 10_000_000 } else { 200_000 })
    }

    /// How many accepted messages P8 leaves for the next start.
    pub(crate) fn backlog(&self) -> u64 {
        if self.full { 100_000 } else { 10_000 }
    }
}
