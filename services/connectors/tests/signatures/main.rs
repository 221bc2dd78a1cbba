//! The signatures of every provider.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests say at once what fails")]

mod case;
mod collected;
mod own;
mod vectors;
