//! The door over a real socket, with a real journal in a folder of its own.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod answers;
mod collect;
mod hostile;
mod operations;
mod overload;
mod providers;
mod secrets;
mod shutdown;
mod support;
mod tag;
