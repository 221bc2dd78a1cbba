//! The schema, for SQLite and Postgres: the same tables, columns and order of text on both.

mod m0001_foundation;
mod m0002_lifecycle;
mod m0003_access;
mod m0006_stats;
mod migrator;
mod table;

pub use migrator::{MigrationState, migrate, status};
