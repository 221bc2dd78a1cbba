//! The house, as the real process.

use std::{
    env,
    fs::{self, OpenOptions},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use serde_json::Value;

use super::Counters;

/// How long a start may take; one with a large backlog has to find the end of the journal.
const PATIENCE: Duration = Duration::from_secs(120);

/// A server on a data folder; it is killed with this value.
#[derive(Debug)]
pub(crate) struct Server {
    process: Child,
    /// Where webhooks are sent to.
    pub(crate) http: SocketAddr,
    /// Where the admin API is.
    pub(crate) admin: SocketAddr,
    operations: SocketAddr,
    /// The folder of its database and its journal.
    pub(crate) data: PathBuf,
    /// When its process was started.
    pub(crate) started: Instant,
}

impl Server {
    /// Starts `binary` on the folder `data`, and waits until it listens.
    pub(crate) async fn start(binary: &Path, data: &Path) -> anyhow::Result<Self> {
        Self::start_on(binary, data, None).await
    }

    /// The same on this database; on SQLite in the folder when there is none.
    pub(crate) async fn start_on(binary: &Path, data: &Path, database: Option<&str>) -> anyhow::Result<Self> {
        let addresses = data.join("addresses.json");
        // Of the process before this one, if there was one.
        let _ = fs::remove_file(&addresses);
        let log = data.with_extension("log");
        let output =
            OpenOptions::new().create(true).append(true).open(&log).context("the log cannot be made")?;
        let started = Instant::now();
        let mut process = command(binary, data, database).stderr(output).stdout(Stdio::null()).spawn()?;
        let address = loop {
            if let Some(value) =
                fs::read(&addresses).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok())
            {
                break value;
            }
            if let Some(status) = process.try_wait()? {
                bail!("the server ended with {status}:\n{}", fs::read_to_string(&log).unwrap_or_default());
            }
            if started.elapsed() > PATIENCE {
                let _ = process.kill();
                bail!("the server does not listen after {PATIENCE:?}: see {}", log.display());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        };
        let (http, admin, operations) =
            (listener(&address, "http")?, listener(&address, "admin")?, listener(&address, "operations")?);
        Ok(Self { process, http, admin, operations, data: data.to_owned(), started })
    }

    /// The number of its process.
    pub(crate) fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// What its metrics stand at.
    pub(crate) async fn counters(&self) -> anyhow::Result<Counters> {
        Counters::read(self.operations).await
    }

    /// Ends it at once, as `kill -9` does.
    pub(crate) fn kill(&mut self) -> anyhow::Result<()> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        let kill = Command::new("kill").arg(self.process.id().to_string()).status()?;
        ensure!(kill.success(), "the server cannot be asked to stop");
        let asked = Instant::now();
        while self.process.try_wait()?.is_none() {
            ensure!(asked.elapsed() < PATIENCE, "the server does not stop");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }
}

fn command(binary: &Path, data: &Path, database: Option<&str>) -> Command {
    let mut command = Command::new(binary);
    for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TRIBUTARY_")) {
        command.env_remove(name);
    }
    command.env("TRIBUTARY_EGRESS__ALLOW", r#"["127.0.0.0/8"]"#).arg("serve").arg("--data-dir").arg(data);
    for listener in ["--http-listen", "--admin-listen", "--operations-listen"] {
        command.args([listener, "127.0.0.1:0"]);
    }
    if let Some(url) = database {
        command.args(["--database-url", url]);
    }
    command.stdin(Stdio::null());
    command
}

fn listener(addresses: &Value, name: &str) -> anyhow::Result<SocketAddr> {
    let address = addresses[name].as_str().and_then(|address| address.parse().ok());
    address.with_context(|| format!("addresses.json does not say where {name} is"))
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
