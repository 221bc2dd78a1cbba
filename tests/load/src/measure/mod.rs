//! What is measured, in numbers.

mod histogram;
mod line;
mod median;
mod series;

pub(crate) use histogram::Histogram;
pub(crate) use line::{Line, Panel};
pub(crate) use median::middle;
pub(crate) use series::Series;
