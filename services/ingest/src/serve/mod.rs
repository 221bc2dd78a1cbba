//! The listeners.

mod linger;
mod listener;
mod operations;
pub(crate) mod peer;
mod readiness;

pub use listener::{ServeOptions, serve};
pub use operations::operations;
pub use readiness::Readiness;
