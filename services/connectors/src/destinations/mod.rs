//! Destination platforms: an event becomes a request, an answer becomes an outcome.
//!
//! A new platform is one new folder, and one more entry in [`PLATFORMS`]. What is known of it stands there as data
//! ([`About`]); the item of an event and the envelope around it are functions of their own, as are the meanings of answers.

mod about;
mod basket;
mod batch;
mod conversion;
mod document;
mod errors;
mod event;
mod example;
mod facility;
pub mod ga4;
pub mod google;
mod http_request;
pub mod hubspot;
pub mod klaviyo;
pub mod linkedin;
mod matching;
pub mod meta;
pub mod oauth;
mod outcome;
mod platform;
mod schema;
mod secrets;
mod sending;
pub mod slack;
mod template;
pub mod tiktok;
pub mod webhook;

pub use about::{About, FollowUps, Limits, Order, Rate};
pub use batch::{Batching, Each, Item, Replies, replies};
pub use errors::{KnownError, Verdict};
pub use event::{OutgoingEvent, OutgoingFollowUp, Standing};
pub use example::example;
pub use facility::{Facility, settings_for, test_settings, without_facility};
pub use http_request::HttpRequest;
pub use matching::{Quality, Signal, quality};
pub use outcome::{Judged, Outcome, Trouble};
pub use platform::{Platform, RequestError, SettingsError};
pub use schema::{Field, FieldKind};
pub use secrets::Secrets;
pub use sending::{COMMON, Sending};

/// All platforms, in the order in which they are offered.
pub const PLATFORMS: [&dyn Platform; 9] = [
    &webhook::Webhook,
    &meta::Meta,
    &google::GoogleAds,
    &ga4::Ga4,
    &tiktok::TikTok,
    &linkedin::LinkedIn,
    &klaviyo::Klaviyo,
    &hubspot::HubSpot,
    &slack::Slack,
];

/// The platform of this name, such as `webhook`.
pub fn find(name: &str) -> Option<&'static dyn Platform> {
    PLATFORMS.into_iter().find(|platform| platform.name() == name)
}

#[cfg(test)]
mod tests;
