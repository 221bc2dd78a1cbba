//! What needs the tables themselves: everything that only the ledger writes, and the machinery of writing.

mod apply;
mod booking;
mod bulk;
mod charts;
mod claim;
mod counts;
mod dedupe;
mod entities;
mod erasure;
mod isolation;
mod log;
mod purge;
mod quota;
mod rehearse;
mod replay;
mod resend;
mod retention;
mod sample;
mod samples;
mod search;
mod snapshot;
mod transactions;
mod waiting;
mod wall;
mod weeks;
mod work;
