//! The HTTP face: webhooks and what pages send come in here, and nothing is answered 2xx before it is durable (invariant 1).
//!
//! - [`Door`]: `POST /in/{secret}`: look up, read, verify, scan, append, answer. The database is not touched.
//!   `POST /collect/{write_key}` is the same for the tag's pages.
//!   `GET /tag/{write_key}.js` is the browser tag, with what its source's owner set.
//! - [`SourceDirectory`]: the sources and their secrets, in memory; [`TenantGate`]: what a tenant's sources share.
//! - [`Refusal`]: every answer that is not 2xx; [`RefusalRecorder`] keeps them for the source's owner.
//! - [`serve`] and [`operations`]: the listeners, their limits, and the operator's routes.

mod directory;
mod door;
mod gate;
mod refusal;
mod serve;
mod tag;

pub use directory::{InvalidHash, SecretHash, SourceDirectory, SourceEntry, SourceSecret, SourceState};
pub use door::{Door, DoorConfig, DoorLimits};
pub use gate::TenantGate;
pub use refusal::{
    Refusal,
    recorder::RefusalRecorder,
    writer::{RefusalSink, RefusalWriter},
};
pub use serve::{Readiness, ServeOptions, operations, serve};
