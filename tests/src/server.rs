//! The real process.

use std::{
    env,
    fs::{self, File, OpenOptions},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::Arc,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::{Api, Database, binary, eventually, post::Door};

/// How a server is started; the same each time.
#[derive(Debug)]
pub struct ServerBuilder {
    database: Arc<Database>,
    environment: Vec<(String, String)>,
    data: PathBuf,
}

/// A server that runs, or ran.
#[derive(Debug)]
pub struct Server {
    builder: ServerBuilder,
    process: Child,
    addresses: Addresses,
    pub(crate) door: Door,
    pub(crate) api: Api,
}

#[derive(Debug, Clone, Copy)]
struct Addresses {
    http: SocketAddr,
    admin: SocketAddr,
    operations: SocketAddr,
}

impl ServerBuilder {
    /// On this database, with ports that are free, deliveries to this machine allowed, and a small journal.
    pub fn on(database: Database) -> Self {
        Self::in_folder(Arc::new(database), "data")
    }

    /// A process beside `server`: on the same database and with the same master key, with a data folder of its own,
    /// inside of the test's.
    ///
    /// # Panics
    /// When the key cannot be copied.
    pub fn beside(server: &Server, folder: &str) -> Self {
        let builder = Self::in_folder(Arc::clone(&server.builder.database), folder);
        fs::create_dir_all(&builder.data).expect("a folder");
        fs::copy(server.data().join("master.key"), builder.data.join("master.key"))
            .expect("a copy of the key");
        builder
    }

    fn in_folder(database: Arc<Database>, folder: &str) -> Self {
        let data = database.folder.path().join(folder);
        Self { database, environment: Vec::new(), data }
            .set("TRIBUTARY_HTTP__LISTEN", "127.0.0.1:0")
            .set("TRIBUTARY_ADMIN__LISTEN", "127.0.0.1:0")
            .set("TRIBUTARY_OPERATIONS__LISTEN", "127.0.0.1:0")
            .set("TRIBUTARY_EGRESS__ALLOW", r#"["127.0.0.0/8"]"#)
            .set("TRIBUTARY_JOURNAL__RESERVE_BYTES", "1048576")
            .set("TRIBUTARY_JOURNAL__SEGMENT_BYTES", "17825792")
    }

    /// With this environment variable, such as `TRIBUTARY_HTTP__MAX_CONNECTIONS`.
    #[must_use]
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.assign(name, value);
        self
    }

    fn assign(&mut self, name: &str, value: &str) {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// Starts it, and waits until it serves.
    ///
    /// # Panics
    /// When it does not.
    pub async fn start(self) -> Server {
        let (process, addresses) = self.launch().await;
        let api = Api::connect(addresses.admin, &self.data);
        Server { builder: self, process, addresses, door: Door::default(), api }
    }

    /// The binary's command `name`, such as `serve`, on this configuration.
    pub fn command(&self, name: &str) -> Command {
        let folder = self.database.folder.path();
        let mut command = Command::new(binary());
        for (name, _) in env::vars().filter(|(name, _)| name.starts_with("TRIBUTARY_")) {
            command.env_remove(name);
        }
        command.arg(name).arg("--data-dir").arg(&self.data).current_dir(folder);
        // No contexts of whoever runs the tests.
        command.env("XDG_CONFIG_HOME", folder);
        if let Some(url) = self.database.url() {
            command.args(["--database-url", &url]);
        }
        command.envs(self.environment.iter().cloned()).stdin(Stdio::null());
        command
    }

    async fn launch(&self) -> (Child, Addresses) {
        let file = self.data.join("addresses.json");
        // Of the process before this one, if there was one.
        let _ = fs::remove_file(&file);
        let log = self.log_file();
        let output = log.try_clone().expect("a second handle");
        let mut process =
            self.command("serve").stderr(log).stdout(output).spawn().expect("the binary starts");
        let listening = eventually("the server says where it listens", async || {
            if let Some(status) = process.try_wait().expect("our own child") {
                panic!("the server ended with {status}:\n{}", self.log());
            }
            Addresses::read(&file)
        });
        let addresses = listening.await;
        (process, addresses)
    }

    fn log_file(&self) -> File {
        let path = self.log_path();
        OpenOptions::new().create(true).append(true).open(path).expect("a file for the log")
    }

    fn log_path(&self) -> PathBuf {
        self.data.with_extension("log")
    }

    fn log(&self) -> String {
        fs::read(self.log_path())
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }
}

impl Addresses {
    fn read(file: &Path) -> Option<Self> {
        let value: Value = serde_json::from_slice(&fs::read(file).ok()?).ok()?;
        let address = |name: &str| value[name].as_str()?.parse().ok();
        Some(Self { http: address("http")?, admin: address("admin")?, operations: address("operations")? })
    }
}

impl Server {
    /// Starts one on a fresh SQLite database.
    pub async fn start() -> Self {
        ServerBuilder::on(Database::sqlite()).start().await
    }

    /// The contract's clients, with the server's own admin token.
    pub fn api(&self) -> &Api {
        &self.api
    }

    /// Where webhooks are sent to.
    pub fn http(&self) -> SocketAddr {
        self.addresses.http
    }

    /// Where the admin API listens.
    pub fn admin(&self) -> SocketAddr {
        self.addresses.admin
    }

    /// Where health and metrics are.
    pub fn operations(&self) -> SocketAddr {
        self.addresses.operations
    }

    /// Its data folder.
    pub fn data(&self) -> &Path {
        &self.builder.data
    }

    /// How it was started: for a process beside it.
    pub fn builder(&self) -> &ServerBuilder {
        &self.builder
    }

    /// Everything that it logged, over all starts.
    pub fn log(&self) -> String {
        self.builder.log()
    }

    /// Ends it at once, as `kill -9` does.
    ///
    /// # Panics
    /// When the system refuses.
    pub fn kill(&mut self) {
        self.process.kill().expect("our own child");
        self.process.wait().expect("our own child");
    }

    /// Asks it to stop, and waits until it has.
    ///
    /// # Panics
    /// When it does not.
    pub async fn stop(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.exited().await
    }

    /// Sends it a signal.
    ///
    /// # Panics
    /// When the process is not there.
    pub fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw).expect("a process id");
        kill_process(id, signal).expect("our own child");
    }

    /// Waits until it has ended by itself.
    ///
    /// # Panics
    /// When it does not.
    pub async fn exited(&mut self) -> ExitStatus {
        eventually("the server ends", async || self.process.try_wait().expect("our own child")).await
    }

    /// Starts it again on the same data, once it was stopped or killed.
    pub async fn start_again(&mut self) {
        let (process, addresses) = self.builder.launch().await;
        self.process = process;
        self.addresses = addresses;
        self.door = Door::default();
        self.api = Api::connect(addresses.admin, &self.builder.data);
    }

    /// From the next start on with this environment variable.
    pub fn set(&mut self, name: &str, value: &str) {
        self.builder.assign(name, value);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            let log = self.log();
            let tail: Vec<&str> = log.lines().rev().take(40).collect();
            println!("the end of the server's log:");
            tail.iter().rev().for_each(|line| println!("  {line}"));
        }
    }
}
