//! The schema, for SQLite and Postgres: the same tables, columns and order of text on both.

mod isolation;
mod m0001_foundation;
mod m0002_lifecycle;
mod m0003_access;
mod m0004_operations;
mod m0005_retention;
mod m0006_stats;
mod m0007_providers;
mod m0008_backtests;
mod m0009_versions;
mod m0010_identity;
mod m0011_privacy;
mod m0012_lineage;
mod m0013_consent;
mod m0014_connections;
mod m0015_deliveries;
mod m0016_credentials;
mod m0017_tests;
mod m0018_requests;
mod m0019_delays;
mod migrator;
mod table;

pub use isolation::{TENANT_ROLE, TENANT_SETTING};
pub use migrator::{MigrationState, migrate, status};
