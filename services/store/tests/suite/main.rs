//! The store through its public face, on SQLite and Postgres alike.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "helpers of tests, which clippy does not know as such"
)]

#[path = "../support/mod.rs"]
mod support;

mod access;
mod command;
mod connection;
mod destination;
mod lifecycle;
mod migrations;
mod once;
mod provider;
mod rejected;
mod sort;
mod source;
mod tenant;
mod workflow;
