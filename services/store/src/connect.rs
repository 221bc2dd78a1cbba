//! Opening the database.

mod postgres;
mod sqlite;

use std::sync::Arc;

use sea_orm::{DatabaseConnection, DbBackend};
use tokio::sync::{Notify, Semaphore, SemaphorePermit};
use tributary_domain::id::TenantId;

use crate::{Sealer, StoreError, TenantScope, lane::Lanes};

/// How many searches look through rows at once. They are work that can wait: the connections are for everybody, on
/// Postgres for the ledger too, and so are the processors.
const SEARCHES: usize = 2;

/// How the database is opened.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// What seals and opens secrets.
    pub sealer: Sealer,
    /// Most connections: of the pool on Postgres, of readers besides the one writer on SQLite. At least one.
    pub max_connections: u32,
    /// Called first on the threads that write to SQLite: to give them a priority of their own.
    pub on_thread: fn(),
}

impl StoreOptions {
    /// The defaults, with this sealer.
    pub fn new(sealer: Sealer) -> Self {
        Self { sealer, max_connections: 8, on_thread: || () }
    }
}

/// The database. A clone is the same database.
#[derive(Debug, Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    writer: DatabaseConnection,
    reader: DatabaseConnection,
    /// On SQLite.
    file: Option<Arc<File>>,
    sealer: Sealer,
    searches: Semaphore,
}

/// What SQLite needs besides its connections for reading and writing.
#[derive(Debug)]
pub(crate) struct File {
    url: String,
    /// There is one writer.
    pub(crate) lanes: Lanes,
    pub(crate) checkpointer: DatabaseConnection,
    /// Something was written, and the log has grown.
    pub(crate) committed: Notify,
}

impl Store {
    /// Opens the database at `url`: `sqlite:///path/to/file.db` (made when it is not there; its folder has to be) or
    /// `postgres://user@host/name`. It is not migrated: see [`Store::migrate`].
    ///
    /// # Errors
    /// When the URL is neither, the database cannot be reached, or the SQLite that is linked is older than 3.51.3.
    pub async fn open(url: &str, options: StoreOptions) -> Result<Self, StoreError> {
        let connections = options.max_connections.max(1);
        let (writer, reader, file) = match url.split(':').next() {
            Some("sqlite") => {
                let sqlite::Connections { writer, checkpointer, reader } =
                    sqlite::connect(url, connections, options.on_thread).await?;
                let (url, lanes, committed) = (url.to_owned(), Lanes::default(), Notify::new());
                (writer, reader, Some(Arc::new(File { url, lanes, checkpointer, committed })))
            }
            Some("postgres" | "postgresql") => {
                let pool = postgres::connect(url, connections).await?;
                (pool.clone(), pool, None)
            }
            _ => {
                let message = "the database url starts neither with sqlite: nor with postgres:".to_owned();
                return Err(StoreError::Other { message });
            }
        };
        let searches = Semaphore::new(SEARCHES);
        Ok(Self { inner: Arc::new(Inner { writer, reader, file, sealer: options.sealer, searches }) })
    }

    /// The same database, read through connections of its own for work that can wait. On SQLite, `on_thread` is called first on
    /// the threads that read: to give them a priority of their own.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn apart(&self, on_thread: fn()) -> Result<Self, StoreError> {
        let Some(file) = self.inner.file.clone() else { return Ok(self.clone()) };
        let reader = sqlite::read_apart(&file.url, on_thread).await?;
        let (writer, sealer) = (self.inner.writer.clone(), self.inner.sealer.clone());
        let (file, searches) = (Some(file), Semaphore::new(SEARCHES));
        Ok(Self { inner: Arc::new(Inner { writer, reader, file, sealer, searches }) })
    }

    /// The one door to a tenant's data.
    pub fn tenant(&self, tenant: TenantId) -> TenantScope<'_> {
        TenantScope::new(self, tenant)
    }

    /// A secret key for `purpose`, derived from the master key: the same on every node.
    pub fn key(&self, purpose: &str) -> [u8; 64] {
        self.sealer().key(purpose)
    }

    /// Brings the schema to this build's; nodes that do it at once wait for each other.
    ///
    /// # Errors
    /// When the database fails, or a newer build migrated it.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        Ok(tributary_migrations::migrate(self.writer()).await?)
    }

    /// Every migration of this build, oldest first, and whether the database has it; changes nothing.
    ///
    /// # Errors
    /// As [`Store::migrate`].
    pub async fn migrations(&self) -> Result<Vec<tributary_migrations::MigrationState>, StoreError> {
        Ok(tributary_migrations::status(self.reader()).await?)
    }

    /// Whether the database answers: for readiness.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        Ok(self.reader().ping().await?)
    }

    /// Closes all connections; who is in a transaction finishes it first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.inner.reader.close_by_ref().await?;
        if let Some(file) = &self.inner.file {
            file.checkpointer.close_by_ref().await?;
        }
        Ok(self.inner.writer.close_by_ref().await?)
    }

    pub(crate) fn reader(&self) -> &DatabaseConnection {
        &self.inner.reader
    }

    /// Only for [`Store::write_txn`] and migrations.
    pub(crate) fn writer(&self) -> &DatabaseConnection {
        &self.inner.writer
    }

    pub(crate) fn file(&self) -> Option<&File> {
        self.inner.file.as_deref()
    }

    /// Waits until there is room for one more search that looks through rows; it ends with the value.
    pub(crate) async fn turn_to_search(&self) -> Option<SemaphorePermit<'_>> {
        // It is never closed, so that there is always one.
        self.inner.searches.acquire().await.ok()
    }

    pub(crate) fn sealer(&self) -> &Sealer {
        &self.inner.sealer
    }

    pub(crate) fn backend(&self) -> DbBackend {
        self.inner.reader.get_database_backend()
    }
}
