//! The contract as its descriptors tell it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod descriptors;
mod personal;
mod reference;
mod rules;
