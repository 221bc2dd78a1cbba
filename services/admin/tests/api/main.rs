//! The API as clients see it: the real services over a socket, a real store on SQLite, and a house that applies
//! ledger commands by the store's own ledger.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod access;
mod audit;
mod backtests;
mod connections;
mod consents;
mod conversions;
mod dead_letters;
mod decisions;
mod deletion;
mod destinations;
mod events;
mod every_call;
mod everywhere;
mod export;
mod grants;
mod groups;
mod identity;
mod logs;
mod masking;
mod members;
mod people;
mod presets;
mod privacy;
mod quotas;
mod repeats;
mod replays;
mod retention;
mod search;
mod sessions;
mod sources;
mod stats;
mod support;
mod tail;
mod tenants;
mod testing;
mod trials;
mod versions;
mod web;
mod workflows;
