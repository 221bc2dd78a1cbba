//! Sends bookings: as many as are answered, or so many a second.

mod closed;
mod connection;
mod open;
mod request;
mod target;

pub(crate) use closed::{Until, closed};
pub(crate) use connection::Connection;
pub(crate) use open::open;
pub(crate) use request::Request;
pub(crate) use target::{Sent, Target};
