//! The schema, for SQLite and Postgres: the same tables, columns and order of text on both.

mod m0001_foundation;
mod m0002_logs;
mod m0003_lifecycle;
mod m0004_access;
mod migrator;
mod table;

pub use migrator::{MigrationState, migrate, status};
