//! gRPC face: one file a resource, thin. A call is converted, the store does the work, the answer is converted back;
//! what has to reach the running house goes through [`House`].

mod access;
mod agency;
mod api_key;
mod auth;
mod call;
mod check;
mod connection;
mod context;
mod convert;
mod cors;
mod deadline;
mod destination;
mod detach;
mod error;
mod event;
mod filter;
mod house;
mod incoming;
mod log;
mod member;
mod name;
mod page;
mod profile;
mod routes;
mod secret;
mod source;
mod tenant;
mod violations;
mod workflow;

pub use context::{AdminContext, Random};
pub use cors::{InvalidOrigin, Origin};
pub use house::{CommandError, CommandOutcome, House};
pub use routes::{ServeError, ServeOptions, serve};
