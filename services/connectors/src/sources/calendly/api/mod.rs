//! Calendly's API v2 without I/O: what it is asked, and what its answers mean.

mod account;
mod answer;
mod booking;
mod form;
mod problem;
mod request;
mod subscription;

#[cfg(test)]
mod tests;

pub use account::{Account, Owned};
pub use answer::{next_page, pause, read};
pub use booking::{Delivery, deliveries, newest, unmarked, was_touched};
pub use form::{ROUTING_FORMS, answered, unseen};
pub use problem::{Problem, ProblemKind};
pub use request::ApiRequest;
pub use subscription::{Reach, Subscription, Wanted, kinds, wanted};

/// Where the API is, unless the installation says otherwise.
pub const API_URL: &str = "https://api.calendly.com";
