//! Identity on real databases: the histories of the domain's tests, told to the ledger in batches with commands between
//! them, against the same model.

// clippy.toml allows these in tests, which does not reach the helpers of a test crate.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    dead_code,
    reason = "helpers of tests, some of which are used by the domain's tests only"
)]

#[path = "../../../domain/tests/identity/history.rs"]
mod history;
mod ledger;
#[path = "../../../domain/tests/identity/model.rs"]
mod model;
mod outcome;
mod properties;
#[path = "../../../domain/tests/identity/rng.rs"]
mod rng;
#[path = "../support/mod.rs"]
mod support;
mod troubles;
