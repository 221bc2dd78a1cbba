//! gRPC face: one file a resource, thin. A call is converted, the store does the work, the answer is converted back;
//! what has to reach the running house goes through [`House`].

mod agency;
mod check;
mod context;
mod convert;
mod destination;
mod detach;
mod error;
mod event;
mod filter;
mod house;
mod incoming;
mod lifecycle;
mod log;
mod name;
mod once;
mod page;
mod profile;
mod quota;
mod routes;
mod secret;
mod source;
mod tenant;
mod violations;
mod workflow;

pub use context::{AdminContext, Random};
pub use house::{CommandError, CommandOutcome, House};
pub use routes::{ServeError, ServeOptions, serve, services};
