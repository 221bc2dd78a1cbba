//! What needs the tables themselves: everything that only the ledger writes, and the machinery of writing.

mod bulk;
mod entities;
mod isolation;
mod log;
mod sample;
mod transactions;
mod work;
