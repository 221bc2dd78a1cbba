//! What happened when, for charts.
//!
//! Whoever writes something that is counted adds it to `stats_recent` in the same transaction: the ledger, the workers of
//! destinations, and the door for what it refuses. What is counted for a destination has its id where else the source's is. So the counts are exact whatever crashes, and one statement a
//! transaction is all that they cost. There a row is one metric of a source in a quarter of an hour. What is over is folded,
//! a few rows at a time, into `stats`: a packed row for each hour and each day of a source, of its tenant and of its agency.
//! A chart is then one range of keys however much there was, and what is not folded yet is added to it.

mod fold;
mod read;
mod tally;

pub use read::{StatsRange, StatsSeries};
pub(crate) use tally::Tally;

use tributary_domain::stats::Interval;

/// The number of an interval, as the table has it.
pub(crate) fn span_code(interval: Interval) -> i32 {
    match interval {
        Interval::Hour => 1,
        Interval::Day => 2,
    }
}
