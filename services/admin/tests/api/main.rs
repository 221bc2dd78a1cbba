//! The API as clients see it: the real services over a socket, a real store on SQLite, and a house that applies
//! ledger commands by the store's own ledger.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod access;
mod destinations;
mod every_call;
mod logs;
mod people;
mod search;
mod sources;
mod support;
mod tail;
mod tenants;
mod workflows;
