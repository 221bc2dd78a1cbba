//! The listeners.

mod linger;
mod listener;
mod operations;
mod readiness;

pub use listener::{ServeOptions, serve};
pub use operations::operations;
pub use readiness::Readiness;
