//! Starting: folder, keys, database, journal, actors, and last the listeners, so that nothing is accepted before
//! everything that follows is there.

use std::{
    fs::{DirBuilder, File, OpenOptions, TryLockError},
    net::SocketAddr,
    os::unix::fs::DirBuilderExt,
    path::Path,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, bail};
use tokio::{
    net::TcpListener,
    sync::{Notify, OnceCell},
};
use tokio_util::sync::CancellationToken;
use tributary_actors::{Faults, House, HouseParts};
use tributary_admin::AdminContext;
use tributary_auth::load_or_create;
use tributary_domain::time::Clock;
use tributary_egress::{Egress, Policy, SystemResolver};
use tributary_ingest::{
    Door, DoorConfig, DoorLimits, Readiness, RefusalRecorder, ServeOptions, SourceDirectory, operations,
    serve,
};
use tributary_journal::log::{LocalLog, LogOptions};
use tributary_store::{Sealer, Store, StoreOptions};
use tributary_telemetry::{
    Metrics,
    ambient::{SystemClock, random_u128},
};
use tributary_tls::Protocol;

use super::{
    Running,
    api::RunningHouse,
    backtest::Backtests,
    calendly::{self, Connections, Connector, Turns},
    descriptors, door,
    door::Doorkeeper,
    keys,
    priority::{who_commits, who_evaluates},
    providers, purge, retention,
    running::Signals,
    system::Ground,
    tls, worker,
    worker::Worker,
};
use crate::config::{Config, subnets};

/// Starts the house. Has to be awaited on the System's own thread.
///
/// # Errors
/// What is missing or wrong, and what to do about it.
pub(crate) async fn start(config: Config, ground: Ground) -> anyhow::Result<Running> {
    warn_of_exposure(&config);
    descriptors::raise(&config);
    let metrics = ground.metrics;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    make_folder(&config.data_dir)?;
    // Before the database is touched: another build must not migrate what this one works on.
    let folder = lock_folder(&config.data_dir)?;
    let store = open_store(&config).await?;
    if let Err(error) = store.make_partitions(clock.now()).await {
        // The next round of the retention makes them; until then rows go where all others go.
        tracing::warn!(%error, "the partitions of the next weeks are not made yet");
    }
    let journal = Arc::new(open_journal(&config, &store).await?);
    let readiness = Readiness::default();
    let sources = Arc::new(SourceDirectory::default());
    door::load(&store, &sources).await?;
    let egress = client(policy(&config)?)?;
    let house = House::start(HouseParts {
        runtime: ground.runtime,
        store: store.clone(),
        journal: Arc::clone(&journal) as Arc<dyn tributary_journal::Journal>,
        egress: egress.clone(),
        clock: Arc::clone(&clock),
        jitter,
        metrics: metrics.clone(),
        owner: format!("{:032x}", random_u128()),
        threads: threads(&config),
        on_evaluation_thread: who_evaluates,
        on_ledger_thread: who_commits,
        faults: faults(&config),
    });
    let stop = CancellationToken::new();
    let (refusals, writer) = RefusalRecorder::new(metrics.clone());
    let refusals_stop = CancellationToken::new();
    let refusals_task = tokio::spawn(writer.run(Arc::new(store.clone()), refusals_stop.clone()));
    let log = store.clone();
    let upkeep = tokio::spawn(async move { log.keep_log_short().await });

    let (door_listener, door_address) =
        listen(config.http.listen, "the public door", "--http-listen").await?;
    let (admin_listener, admin_address) =
        listen(config.admin.listen, "the admin API", "--admin-listen").await?;
    let (operations_listener, operations_address) =
        listen(config.operations.listen, "operations", "--operations-listen").await?;
    let public_url = config.public_url(door_address);
    let door = Door::new(DoorConfig {
        journal: Arc::clone(&journal) as Arc<dyn tributary_journal::Journal>,
        sources: Arc::clone(&sources),
        refusals,
        clock: Arc::clone(&clock),
        random: random_u128,
        metrics: metrics.clone(),
        readiness: readiness.clone(),
        public_url: public_url.clone(),
        limits: DoorLimits {
            bytes_in_flight: config.http.max_body_bytes,
            address_rate: config.http.address_requests_per_second,
            ..DoorLimits::default()
        },
        trusted_proxies: subnets("http.trusted_proxies", &config.http.trusted_proxies)?.into(),
    });

    let doorkeeper = Doorkeeper::new(store.clone(), sources, stop.clone());
    let purging =
        tokio::spawn(purge::run(store.clone(), Arc::clone(&doorkeeper), Arc::clone(&clock), stop.clone()));
    let retention =
        tokio::spawn(retention::run(store.clone(), Arc::clone(&clock), metrics.clone(), stop.clone()));
    let asked = Arc::new(Notify::new());
    let working = tokio::spawn(worker::run(
        Worker {
            store: store.clone(),
            house: house.clone(),
            clock: Arc::clone(&clock),
            backtests: Backtests::new(store.clone(), Arc::clone(&clock), stop.clone()),
        },
        Arc::clone(&asked),
        stop.clone(),
    ));
    let connector = Arc::new(Connector {
        store: store.clone(),
        house: house.clone(),
        door: Arc::clone(&doorkeeper),
        journal: Arc::clone(&journal) as Arc<dyn tributary_journal::Journal>,
        clock: Arc::clone(&clock),
        random: random_u128,
        api_url: config.calendly.api_url.trim_end_matches('/').to_owned(),
        public_url: public_url.clone(),
        policy: policy(&config)?,
        egress: OnceCell::new(),
        period: Duration::from_secs(config.calendly.check_seconds),
        turns: Turns::default(),
        due: Notify::new(),
    });
    let watching = tokio::spawn(calendly::run(Arc::clone(&connector), stop.clone()));
    let api = RunningHouse { house: house.clone(), store: store.clone(), door: doorkeeper, worker: asked };
    let context = AdminContext {
        store: Arc::new(store.clone()),
        house: Arc::new(api),
        calendly: Arc::new(Connections(connector)),
        egress,
        clock,
        random: Arc::new(random_u128),
        public_url: public_url.clone(),
    };
    let token = load_or_create(&config.token_file(), random_u128).context("the admin token")?;
    let options = tributary_admin::ServeOptions {
        token,
        trusted_proxies: subnets("admin.trusted_proxies", &config.admin.trusted_proxies)?,
        providers: providers::open(&config, policy(&config)?)?,
        reflection: config.admin.reflection,
        allowed_origins: config.allowed_origins()?,
        tls: tls::open(config.admin_tls(), &[Protocol::Http2, Protocol::Http1], "the admin API", &stop)?,
        max_connections: config.admin.max_connections,
        max_connection_age: Duration::from_secs(config.admin.max_connection_age_seconds),
    };
    let closing = stop.clone();
    let admin = tokio::spawn(async move {
        tributary_admin::serve(&context, options, admin_listener, closing.cancelled_owned()).await
    });
    let drain = Duration::from_secs(config.drain_seconds);
    let usual = ServeOptions::default();
    let door_options = ServeOptions {
        tls: tls::open(config.http_tls(), &[Protocol::Http1], "the public door", &stop)?,
        connections: config.http.max_connections,
        drain_deadline: usual.drain_deadline.min(drain),
        ..usual
    };
    let door_task = serve(door_listener, door.router(), door_options, metrics.clone(), stop.clone());
    let end = CancellationToken::new();
    let shown = operations(readiness.clone(), ground.exposition);
    let operations_task =
        serve(operations_listener, shown, ServeOptions::default(), Metrics::unread(), end.clone());
    readiness.serve();
    let running = Running {
        signals: Signals::heard()?,
        door_address,
        admin_address,
        operations_address,
        http_certificate: tls::certificate(config.http_tls()),
        admin_certificate: tls::certificate(config.admin_tls()),
        public_url,
        drain,
        readiness,
        house,
        store,
        journal,
        stop,
        end,
        door: door_task,
        refusals: refusals_task,
        refusals_stop,
        admin,
        operations: operations_task,
        upkeep,
        purging,
        retention,
        working,
        watching,
        _folder: folder,
    };
    running.write_addresses(&config.data_dir)?;
    tracing::info!(door = %door_address, admin = %admin_address, operations = %operations_address, "serving");
    Ok(running)
}

/// The folder is its owner's alone: the database in it holds personal data.
pub(crate) fn make_folder(folder: &Path) -> anyhow::Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.with_context(|| format!("the data folder {} cannot be made", folder.display()))
}

/// Takes the data folder for this process until the file is dropped. The lock is the kernel's and ends with the process,
/// however that ends.
fn lock_folder(folder: &Path) -> anyhow::Result<File> {
    let path = folder.join("tributary.lock");
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    let file = file.with_context(|| {
        format!("{} cannot be written to: give the data folder to the user who serves", folder.display())
    })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => bail!(
            "the data folder {} is in use by another process: end it, or choose another folder with --data-dir",
            folder.display()
        ),
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("{} cannot be locked", path.display()))
        }
    }
}

async fn open_store(config: &Config) -> anyhow::Result<Store> {
    let key = keys::master_key(&config.data_dir.join("master.key"))?;
    let options = StoreOptions {
        max_connections: config.database.max_connections,
        on_thread: who_commits,
        ..StoreOptions::new(Sealer::new(key))
    };
    let store =
        Store::open(&config.database_url(), options).await.context("the database cannot be opened")?;
    store.migrate().await.context("the database cannot be migrated")?;
    Ok(store)
}

async fn open_journal(config: &Config, store: &Store) -> anyhow::Result<LocalLog> {
    let floor = store.committed_floor().await.context("the progress cannot be read")?;
    let options = LogOptions {
        reserve_bytes: config.journal.reserve_bytes,
        segment_bytes: config.journal.segment_bytes,
        ..LogOptions::default()
    };
    let folder = config.data_dir.join("journal");
    let opened =
        tokio::task::spawn_blocking(move || LocalLog::open(&folder, options, floor, random_u128())).await?;
    let (journal, found) = opened.context("the journal cannot be opened")?;
    tracing::info!(journal = %found.journal, created = found.created, first = found.first, tail = found.tail,
        truncated_bytes = found.truncated_bytes, "journal open");
    Ok(journal)
}

fn policy(config: &Config) -> anyhow::Result<Policy> {
    Ok(Policy { allow: subnets("egress.allow", &config.egress.allow)?, ..Policy::default() })
}

/// An outbound client that obeys `policy`.
pub(super) fn client(policy: Policy) -> anyhow::Result<Egress> {
    Egress::new(policy, Arc::new(SystemResolver::default())).context("the outbound client cannot be made")
}

fn threads(config: &Config) -> usize {
    if config.threads > 0 {
        config.threads
    } else {
        std::thread::available_parallelism().map_or(1, Into::into)
    }
}

fn faults(config: &Config) -> Faults {
    let (planted, hurry) = (&config.faults.workflow_panic, config.faults.hurry);
    if !planted.is_empty() || hurry > 1 {
        tracing::warn!("faults are planted: this is for tests only");
    }
    Faults { workflow_panic: (!planted.is_empty()).then(|| planted.clone()), hurry }
}

/// From 0 up to 1, to spread retries.
fn jitter() -> f64 {
    (random_u128() >> 75) as f64 / (1_u64 << 53) as f64
}

async fn listen(address: SocketAddr, what: &str, flag: &str) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address).await.with_context(|| {
        format!("{what} cannot listen on {address}: end what does, or choose another address with {flag}")
    })?;
    let bound = listener.local_addr()?;
    Ok((listener, bound))
}

fn warn_of_exposure(config: &Config) {
    let exposed = |address: SocketAddr| !address.ip().is_loopback();
    if exposed(config.admin.listen) && config.admin_tls().is_none() {
        tracing::warn!(address = %config.admin.listen, "the admin API listens beyond this machine without TLS: set `admin.tls_certificate`, or put a proxy with TLS before it and name that in `admin.trusted_proxies`");
    }
    if exposed(config.http.listen)
        && config.http_tls().is_none()
        && !config.public_url.starts_with("https://")
    {
        tracing::warn!(address = %config.http.listen, "the public door listens beyond this machine without TLS: put a proxy with TLS before it and set `public_url`");
    }
}
