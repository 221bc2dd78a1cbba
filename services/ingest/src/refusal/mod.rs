//! Every answer of the door that is not 2xx.

mod catalogue;
mod failures;
pub(crate) mod headers;
mod problem;
pub(crate) mod recorder;
pub(crate) mod writer;

pub use catalogue::Refusal;
