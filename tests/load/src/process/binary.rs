//! The binary that is measured.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, ensure};

/// The binary at `named`, or else the release binary, built now.
pub(crate) fn binary(named: Option<&Path>) -> anyhow::Result<PathBuf> {
    if let Some(named) = named {
        ensure!(named.is_file(), "{} is not there: name the tributary binary", named.display());
        return Ok(named.canonicalize()?);
    }
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Cargo.toml");
    let mut build = Command::new(cargo);
    build.args(["build", "--release", "-p", "tributary", "--manifest-path"]).arg(&manifest);
    ensure!(build.status().context("cargo cannot be started")?.success(), "the binary cannot be built");
    let built = target_folder()?.join("release/tributary");
    ensure!(built.is_file(), "{} was not built: name the binary with --bin", built.display());
    Ok(built)
}

/// The target folder that this program was built in.
fn target_folder() -> anyhow::Result<PathBuf> {
    let own = env::current_exe()?;
    let folder = own.parent().and_then(Path::parent).context("this program stands in no target folder")?;
    Ok(folder.to_owned())
}
