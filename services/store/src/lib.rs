//! The database: entities, repositories and transactions, for SQLite and Postgres.
//!
//! [`Store::open`] opens it. A tenant's data is reached through [`Store::tenant`] and in no other way. Writes are
//! transactions of the store's own; nobody outside holds a connection.

pub mod access;
pub mod agency;
pub mod audit;
mod bulk;
mod checkpoint;
mod column;
pub mod command;
mod connect;
pub mod connection;
pub mod conversion;
pub mod delivery;
pub mod destination;
mod entity;
pub mod erasure;
mod error;
pub mod event;
pub mod group;
pub mod held;
mod key;
mod lane;
pub mod ledger;
pub mod lifecycle;
pub mod message;
mod meta;
pub mod once;
pub mod operation;
mod packed;
mod page;
pub mod parked;
pub mod profile;
pub mod quota;
pub mod rejected;
pub mod retention;
pub mod run;
mod scope;
mod seal;
pub mod search;
pub mod snapshot;
pub mod sort;
pub mod source;
pub mod stats;
pub mod suppression;
pub mod tenant;
mod txn;
mod wall;
pub mod workflow;

#[cfg(test)]
extern crate self as tributary_store;
#[cfg(test)]
#[path = "../tests/support/mod.rs"]
mod support;
#[cfg(test)]
mod tests;

pub use connect::{Store, StoreOptions};
pub use error::{Conflict, StoreError};
pub(crate) use lane::Lane;
pub use packed::Packed;
pub use page::{LARGEST_PAGE, Page, Paged, Show};
pub use scope::TenantScope;
pub use seal::{Sealer, Secret};
pub use tributary_migrations::MigrationState;
pub use wall::ReadSession;
