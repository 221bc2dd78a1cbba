//! The only outbound HTTP client: SSRF guard, deadlines, size caps.
//!
//! Where a request may go is an allow-list: global unicast addresses on the HTTPS ports, and the subnets that the
//! deployment names. The check stands in the connector, at the one place where sockets are opened: every name is
//! resolved once, and the very address that passed is the one that is connected to. So neither an IP literal, nor
//! a name that changes its mind, nor a pooled connection gets around it.

mod address;
mod client;
mod connect;
mod error;
mod failure;
mod policy;
mod request;
mod resolve;
mod target;

pub use address::is_global_unicast;
pub use client::Egress;
pub use error::{EgressError, EgressErrorKind};
pub use policy::Policy;
pub use request::{OutboundRequest, OutboundResponse};
pub use resolve::{Resolve, SystemResolver};
