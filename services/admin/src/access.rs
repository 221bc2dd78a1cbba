//! Who calls: keys of access tokens, and how callers are known by them.

mod gate;
mod keys;
mod passwords;
mod providers;

pub(crate) use gate::{Gate, from_ring};
pub(crate) use keys::KeyRing;
pub(crate) use passwords::{Attempt, Passwords, credentials_wrong};
pub use providers::{IdentityProvider, KeySource};
pub(crate) use providers::{Providers, Vouch};
