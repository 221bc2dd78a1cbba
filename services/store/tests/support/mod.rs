//! A fresh database for a test: SQLite in a temporary folder, and Postgres where `TRIBUTARY_TEST_POSTGRES` names a
//! server, such as `postgres://postgres@127.0.0.1:5432`, on which databases may be made and dropped.

use sea_orm::{ConnectionTrait, Database as Connect, Statement};
use tributary_domain::{
    id::{AgencyId, TenantId},
    tenant::TenantSettings,
    time::Timestamp,
};
use tributary_store::{
    Sealer, Store, StoreOptions,
    agency::NewAgency,
    audit::Author,
    tenant::{NewTenant, TenantRecord},
};

/// A database of a test's own.
pub(crate) struct Database {
    pub(crate) url: String,
    pub(crate) store: Store,
    folder: Option<tempfile::TempDir>,
}

/// Runs a test on a fresh, migrated database of each kind.
pub(crate) async fn on_each_database(test: impl AsyncFn(&Database)) {
    for kind in ["sqlite", "postgres"] {
        let Some(database) = Database::fresh(kind).await else {
            println!("not run on {kind}: TRIBUTARY_TEST_POSTGRES is not set");
            continue;
        };
        println!("on {kind}");
        database.store.migrate().await.expect("migrates");
        test(&database).await;
        database.drop().await;
    }
}

impl Database {
    /// A database of this kind without any tables; none where there is no server for it.
    pub(crate) async fn fresh(kind: &str) -> Option<Self> {
        let (url, folder) = if kind == "sqlite" {
            let folder = tempfile::tempdir().expect("a temporary folder");
            (format!("sqlite://{}/store.db", folder.path().display()), Some(folder))
        } else {
            let server = std::env::var("TRIBUTARY_TEST_POSTGRES").ok()?;
            let name = format!("tributary_test_{:032x}", rand::random::<u128>());
            on_server(&server, &format!("CREATE DATABASE {name}")).await;
            (format!("{server}/{name}"), None)
        };
        let store = open(&url).await;
        Some(Self { url, store, folder })
    }

    /// Closes it, and takes it away.
    pub(crate) async fn drop(self) {
        self.store.close().await.expect("closes");
        if self.folder.is_none() {
            let (server, name) = self.url.rsplit_once('/').expect("made of both");
            on_server(server, &format!("DROP DATABASE {name} WITH (FORCE)")).await;
        }
    }
}

impl Database {
    /// What a query counts, as `found`.
    #[allow(dead_code, reason = "not every test crate counts")]
    pub(crate) async fn count(&self, query: &str) -> i64 {
        let connection = Connect::connect(&self.url).await.expect("connects");
        let row = connection.query_one_raw(Statement::from_string(connection.get_database_backend(), query));
        let found = row.await.expect("answers").expect("counts").try_get("", "found").expect("a number");
        connection.close().await.expect("closes");
        found
    }
}

/// Opens the database at `url` with the master key of all tests.
pub(crate) async fn open(url: &str) -> Store {
    Store::open(url, StoreOptions::new(Sealer::new([7; 32]))).await.expect("opens")
}

async fn on_server(server: &str, statement: &str) {
    let connection = Connect::connect(format!("{server}/postgres")).await.expect("the server answers");
    connection.execute_unprepared(statement).await.expect("the server obeys");
    connection.close().await.expect("closes");
}

/// Who changes things in tests, and when: at this second.
pub(crate) fn author(second: i64) -> Author {
    Author::new("test", Timestamp::from_seconds(second))
}

/// A new tenant of an agency of its own; `number` makes both different from others.
pub(crate) async fn tenant(store: &Store, number: u128) -> TenantRecord {
    let agency = NewAgency {
        id: AgencyId::new(1, number),
        key: format!("agency-{number}"),
        display_name: "Agency".to_owned(),
    };
    store.agencies().create(&agency, &author(1)).await.expect("makes an agency");
    let tenant = NewTenant {
        id: TenantId::new(1, number),
        agency: agency.id,
        key: "main".to_owned(),
        display_name: "Tenant".to_owned(),
        settings: TenantSettings::default(),
    };
    store.tenants().create(&tenant, &author(1)).await.expect("makes a tenant")
}
