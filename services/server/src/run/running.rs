//! A started house, until it has stopped.

use std::{
    fs::File,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, bail};
use serde_json::json;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;
use tributary_actors::House;
use tributary_admin::ServeError;
use tributary_ingest::Readiness;
use tributary_journal::log::LocalLog;
use tributary_store::Store;

/// Where the addresses of a running server stand, in the data folder.
pub(crate) const ADDRESSES: &str = "addresses.json";

/// How long calls of the admin API may take to end. Those at work are short; what stays open longer are streams of
/// health and reflection, which nothing is lost with.
const ADMIN_DRAIN: Duration = Duration::from_secs(5);

/// What stops a house. It is heard from the start on: one that comes before anybody waits for it is not lost, and does
/// not end the process where it stands.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// # Errors
    /// When the system refuses.
    pub(super) fn heard() -> std::io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }
}

/// A started house.
pub(crate) struct Running {
    pub(super) door_address: SocketAddr,
    pub(super) admin_address: SocketAddr,
    pub(super) operations_address: SocketAddr,
    /// The certificate that the door shows, if it speaks TLS.
    pub(super) http_certificate: Option<PathBuf>,
    /// The certificate that the admin API shows, if it speaks TLS.
    pub(super) admin_certificate: Option<PathBuf>,
    pub(super) public_url: String,
    pub(super) drain: Duration,
    pub(super) readiness: Readiness,
    pub(super) house: House,
    pub(super) store: Store,
    pub(super) journal: Arc<LocalLog>,
    /// Ends the door and the API.
    pub(super) stop: CancellationToken,
    /// Ends operations, last of all.
    pub(super) end: CancellationToken,
    pub(super) door: JoinHandle<()>,
    pub(super) refusals: JoinHandle<()>,
    /// Ends what records refusals, once the door refuses no more.
    pub(super) refusals_stop: CancellationToken,
    pub(super) admin: JoinHandle<Result<(), ServeError>>,
    pub(super) operations: JoinHandle<()>,
    /// Looks after the database until it closes.
    pub(super) upkeep: JoinHandle<()>,
    pub(super) signals: Signals,
    /// Removes what was deleted long ago; ends with the door and the API, after the step that it is at.
    pub(super) purging: JoinHandle<()>,
    pub(super) retention: JoinHandle<()>,
    /// Works on operations; ends with the door and the API, after the step that it is at.
    pub(super) working: JoinHandle<()>,
    /// Looks after connections; ends with the door and the API.
    pub(super) watching: JoinHandle<()>,
    /// Keeps other processes off the data folder.
    pub(super) _folder: File,
}

impl Running {
    /// Where the admin API listens.
    pub(crate) fn admin(&self) -> SocketAddr {
        self.admin_address
    }

    /// Where health and metrics are.
    pub(crate) fn operations(&self) -> SocketAddr {
        self.operations_address
    }

    /// What webhook URLs begin with.
    pub(crate) fn public_url(&self) -> &str {
        &self.public_url
    }

    /// Writes where it listens into the data folder, for whoever asked for free ports.
    pub(super) fn write_addresses(&self, folder: &Path) -> anyhow::Result<()> {
        let addresses = json!({
            "http": self.door_address,
            "admin": self.admin_address,
            "operations": self.operations_address,
            "http_certificate": self.http_certificate,
            "admin_certificate": self.admin_certificate,
        });
        let draft = folder.join("addresses.new");
        std::fs::write(&draft, addresses.to_string()).context("the addresses cannot be written")?;
        std::fs::rename(&draft, folder.join(ADDRESSES)).context("the addresses cannot be written")
    }

    /// Serves until it is told to stop (SIGINT, SIGTERM) or cannot go on, then finishes what is under way.
    ///
    /// # Errors
    /// When the house could not go on.
    pub(crate) async fn until_stopped(mut self) -> anyhow::Result<()> {
        let fatal = self.journal.fatal();
        let failure = tokio::select! {
            _ = self.signals.interrupt.recv() => None,
            _ = self.signals.terminate.recv() => None,
            () = self.house.failed() => Some("the house cannot go on: see the log".to_owned()),
            error = fatal => Some(format!("the journal failed, and what is on disk is only known after a restart: {error}")),
        };
        tracing::info!("stopping");
        self.stop().await?;
        match failure {
            Some(failure) => bail!(failure),
            None => Ok(()),
        }
    }

    /// Finishes: not ready, listeners end, feeds end, actors finish, the journal and the pools close.
    ///
    /// # Errors
    /// When the database cannot be closed.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.readiness.drain();
        self.stop.cancel();
        self.door.await?;
        self.refusals_stop.cancel();
        self.refusals.await?;
        let mut admin = self.admin;
        match tokio::time::timeout(self.drain.min(ADMIN_DRAIN), &mut admin).await {
            Ok(served) => served??,
            Err(_) => {
                admin.abort();
                tracing::warn!("what was still open at the admin API was cut off");
            }
        }
        // It feeds the journal.
        self.watching.await?;
        // What it waits for is done by the house, which has to be there.
        self.working.await?;
        if !self.house.drain(self.drain).await {
            tracing::warn!("not everything ended in time: the rest is done after the next start");
        }
        self.journal.close().await;
        self.purging.await?;
        self.retention.await?;
        self.upkeep.abort();
        self.store.close().await?;
        self.end.cancel();
        self.operations.await?;
        tracing::info!("stopped");
        Ok(())
    }
}
