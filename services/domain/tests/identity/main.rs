//! Identity, from outside: the examples of its design one by one, and random histories against a model that shares
//! no code with the product.

// clippy.toml allows both in tests, which does not reach the helpers of a test crate.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod carried;
mod examples;
mod history;
mod model;
mod properties;
mod rng;
mod rows;
mod run;
mod scene;
mod shrink;
mod traits;
mod undo;
