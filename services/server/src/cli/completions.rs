//! `tributary completions`.

use std::{io, process::ExitCode};

use clap::CommandFactory;
use clap_complete::{Shell, generate};

use super::{Cli, output::Out};

/// Which script.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The shell that is to complete commands
    shell: Shell,
}

/// Writes the script.
///
/// # Errors
/// When standard output cannot be written to.
pub(super) fn run(args: &Args, out: &Out) -> anyhow::Result<ExitCode> {
    let mut script = io::Cursor::new(Vec::new());
    generate(args.shell, &mut Cli::command(), "tributary", &mut script);
    out.line(String::from_utf8(script.into_inner())?.trim_end())?;
    Ok(ExitCode::SUCCESS)
}
