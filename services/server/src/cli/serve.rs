//! `tributary serve`.

use std::process::ExitCode;

use crate::{
    config::Config,
    run::{on_system, start},
};

/// Serves until told to stop.
///
/// # Errors
/// When the house cannot be started, or cannot go on.
pub(super) fn run(config: &Config) -> anyhow::Result<ExitCode> {
    on_system(config, |ground| async { start(config.clone(), ground).await?.until_stopped().await })?;
    Ok(ExitCode::SUCCESS)
}
