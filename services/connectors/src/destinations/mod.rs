//! Destination platforms: an event becomes a request, an answer becomes an outcome.
//!
//! A new platform is one new folder, and one more entry in [`PLATFORMS`].

mod event;
mod http_request;
mod outcome;
mod platform;
mod secrets;
pub mod webhook;

pub use event::{OutgoingEvent, OutgoingFollowUp, Standing};
pub use http_request::HttpRequest;
pub use outcome::Outcome;
pub use platform::{Platform, RequestError, SettingsError};
pub use secrets::Secrets;

/// All platforms, in the order in which they are offered.
pub const PLATFORMS: [&dyn Platform; 1] = [&webhook::Webhook];

/// The platform of this name, such as `webhook`.
pub fn find(name: &str) -> Option<&'static dyn Platform> {
    PLATFORMS.into_iter().find(|platform| platform.name() == name)
}
