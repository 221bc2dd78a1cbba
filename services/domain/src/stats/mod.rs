//! What is counted over time, for charts: which things, in which pieces of time, and how it is kept.
//!
//! Everything is counted in the quarter of an hour in which it happened, because every time zone in use today begins its
//! days at a quarter. Hours are those of UTC; days are those of the tenant's time zone, so sums of quarters.

mod counts;
mod histogram;
mod metric;
mod place;

pub use counts::{Corrupt, Counts};
pub use histogram::{BUCKETS, Histogram, bucket_of, middle_of};
pub use metric::{Metric, SIGNALS, Timing};
pub use place::{Day, Hour, Interval, KEPT_DAYS, Quarter, zone};
