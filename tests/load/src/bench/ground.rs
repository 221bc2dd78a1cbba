//! What all measurements share.

use std::{
    env, fs,
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
};

use anyhow::Context;
use tempfile::TempDir;

use crate::{
    options::Options,
    process::{Server, binary},
};

/// What all measurements share.
#[derive(Debug)]
pub(super) struct Ground<'a> {
    pub(super) options: &'a Options,
    pub(super) binary: PathBuf,
    folder: TempDir,
    folders: AtomicU32,
}

impl<'a> Ground<'a> {
    /// Finds or builds the binary, and makes the folder of all data folders.
    pub(super) fn new(options: &'a Options) -> anyhow::Result<Self> {
        let binary = binary(options.bin.as_deref())?;
        let own = env::current_exe()?;
        let beside = own.parent().context("this program stands nowhere")?;
        let place = options.work_dir.as_deref().unwrap_or(beside);
        fs::create_dir_all(place)?;
        let folder = tempfile::Builder::new().prefix("tributary-load-").tempdir_in(place)?;
        Ok(Self { options, binary, folder, folders: AtomicU32::new(0) })
    }

    /// A server on a folder of its own. What earlier measurements wrote is on the disk by then, so that none of it is
    /// on its way there while this server's latencies are measured.
    pub(super) async fn server(&self) -> anyhow::Result<Server> {
        self.server_on(None).await
    }

    /// The same on this database; on SQLite when there is none.
    pub(super) async fn server_on(&self, database: Option<&str>) -> anyhow::Result<Server> {
        tokio::task::spawn_blocking(rustix::fs::sync).await?;
        let number = self.folders.fetch_add(1, Ordering::Relaxed);
        let data = self.folder.path().join(format!("data-{number}"));
        Server::start_on(&self.binary, &data, database).await
    }
}
