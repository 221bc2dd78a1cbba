//! A database of a test's own.

use std::{env, process::Command};

use tempfile::TempDir;

/// A fresh database: SQLite in the server's own folder, or one on the Postgres server that `TRIBUTARY_TEST_POSTGRES`
/// names, such as `postgres://postgres@127.0.0.1:5432`; dropped in the end.
#[derive(Debug)]
pub struct Database {
    postgres: Option<Postgres>,
    /// The folder of everything that a server of this test keeps.
    pub folder: TempDir,
}

#[derive(Debug)]
struct Postgres {
    server: String,
    name: String,
}

/// One of each kind that there is a server for; SQLite first.
///
/// # Panics
/// When `CI=true` and there is no Postgres server, so that what was not tested is never taken for tested.
pub fn databases() -> Vec<Database> {
    [Some(Database::sqlite()), Database::postgres()].into_iter().flatten().collect()
}

impl Database {
    /// SQLite.
    ///
    /// # Panics
    /// When there is no room for a folder.
    pub fn sqlite() -> Self {
        Self { postgres: None, folder: tempfile::tempdir().expect("a folder for the test") }
    }

    /// Postgres; none where there is no server for it, which is said aloud.
    ///
    /// # Panics
    /// As [`databases`], and when the server does not obey.
    pub fn postgres() -> Option<Self> {
        let Ok(server) = env::var("TRIBUTARY_TEST_POSTGRES") else {
            assert!(
                env::var("CI").as_deref() != Ok("true"),
                "TRIBUTARY_TEST_POSTGRES is not set, and CI=true"
            );
            println!("NOT RUN ON POSTGRES: TRIBUTARY_TEST_POSTGRES is not set");
            return None;
        };
        let name = format!("tributary_it_{:016x}", rand::random::<u64>());
        psql(&server, "postgres", &format!("CREATE DATABASE {name}"));
        let folder = tempfile::tempdir().expect("a folder for the test");
        Some(Self { postgres: Some(Postgres { server, name }), folder })
    }

    /// Which kind it is.
    pub fn kind(&self) -> &'static str {
        if self.postgres.is_some() { "postgres" } else { "sqlite" }
    }

    /// Its URL for the server; none for the default, SQLite.
    pub fn url(&self) -> Option<String> {
        self.postgres.as_ref().map(|postgres| format!("{}/{}", postgres.server, postgres.name))
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Some(postgres) = &self.postgres {
            psql(&postgres.server, "postgres", &format!("DROP DATABASE {} WITH (FORCE)", postgres.name));
        }
    }
}

fn command(server: &str, database: &str, statement: &str) -> Command {
    let mut command = Command::new("psql");
    command.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", statement, &format!("{server}/{database}")]);
    command
}

fn psql(server: &str, database: &str, statement: &str) {
    let output = command(server, database, statement).output().expect("psql is installed with Postgres");
    if !output.status.success() && !std::thread::panicking() {
        panic!("psql: {}", String::from_utf8_lossy(&output.stderr));
    }
}
