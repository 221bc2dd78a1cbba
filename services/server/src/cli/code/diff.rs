//! `tributary diff`.

use std::process::ExitCode;

use super::apply::{Planned, Planning};
use crate::cli::{client::Client, output::Out};

/// The exit code when something differs; an error is 1.
const DIFFERS: u8 = 2;

/// What is compared.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    planning: Planning,
}

/// Shows what `apply` would do. The exit code is 0 when there is nothing to do, and 2 when there is.
///
/// # Errors
/// When a file or the server cannot be read, or what is wanted cannot be done.
pub(in crate::cli) async fn run(args: &Args, client: &Client, out: &Out) -> anyhow::Result<ExitCode> {
    let Planned { report, .. } = args.planning.plan(client).await?;
    if out.is_json() {
        out.json(&report.to_json()?)?;
    } else {
        report.show_plan(out)?;
    }
    Ok(if report.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(DIFFERS) })
}
