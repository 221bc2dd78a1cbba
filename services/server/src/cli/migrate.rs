//! `tributary migrate`.

use std::process::ExitCode;

use anyhow::Context;
use serde_json::json;
use tributary_store::{MigrationState, Sealer, Store, StoreOptions};

use super::{
    client::runtime,
    output::{Out, Style, Text},
};
use crate::{config::Config, run::make_folder};

/// What to do.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Show which migrations would be applied, and change nothing
    #[arg(long)]
    plan: bool,
}

/// Migrates the database, or shows what that would do.
///
/// # Errors
/// When the database cannot be opened or migrated.
pub(super) fn run(args: &Args, config: &Config, out: &Out) -> anyhow::Result<ExitCode> {
    runtime()?.block_on(migrate(args, config, out))?;
    Ok(ExitCode::SUCCESS)
}

async fn migrate(args: &Args, config: &Config, out: &Out) -> anyhow::Result<()> {
    if !args.plan {
        make_folder(&config.data_dir)?;
    } else if let Some(file) = missing_file(config) {
        return tell_missing(out, &file);
    }
    let store = open(config).await?;
    let before = store.migrations().await.context("the database's migrations cannot be read")?;
    if !args.plan {
        store.migrate().await.context("the database cannot be migrated")?;
    }
    for migration in &before {
        tell(out, migration, args.plan)?;
    }
    Ok(store.close().await?)
}

/// Opens the database for what needs no tenant's secrets: neither migrations nor health touch any.
///
/// # Errors
/// When it cannot be reached.
pub(super) async fn open(config: &Config) -> anyhow::Result<Store> {
    let options = StoreOptions { max_connections: 1, ..StoreOptions::new(Sealer::new([0; 32])) };
    Store::open(&config.database_url(), options).await.context("the database cannot be opened")
}

/// The file of a SQLite database that is not there: opening would make it.
pub(super) fn missing_file(config: &Config) -> Option<String> {
    let url = config.database_url();
    let file = url.strip_prefix("sqlite:")?.trim_start_matches("//").split('?').next()?;
    (!std::path::Path::new(file).exists()).then(|| file.to_owned())
}

fn tell_missing(out: &Out, file: &str) -> anyhow::Result<()> {
    if out.is_json() {
        return Ok(out.json_line(&json!({ "database": file, "state": "MISSING" }))?);
    }
    Ok(out.line(&format!("{file} is not there yet: it would be made with every migration"))?)
}

fn tell(out: &Out, migration: &MigrationState, is_plan: bool) -> anyhow::Result<()> {
    let (code, style, words) = match (migration.applied, is_plan) {
        (true, _) => ("APPLIED_BEFORE", Style::Dim, "was applied before"),
        (false, true) => ("PENDING", Style::Warn, "would be applied"),
        (false, false) => ("APPLIED", Style::Good, "applied"),
    };
    if out.is_json() {
        return Ok(out.json_line(&json!({ "migration": migration.name, "state": code }))?);
    }
    Ok(out.text(&Text::new().plain(&migration.name).plain("  ").with(style, words))?)
}
