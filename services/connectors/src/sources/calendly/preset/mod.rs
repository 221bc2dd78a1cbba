//! The workflows to start from.

mod booking;
mod build;
mod cancellation;
mod shared;

use crate::sources::Preset;

/// Every preset of Calendly, the one to begin with first.
pub(super) fn all() -> Vec<Preset> {
    vec![
        Preset { key: "calendly_booking", display_name: "Calendly booking", spec: booking::spec() },
        Preset {
            key: "calendly_canceled",
            display_name: "Calendly cancellation",
            spec: cancellation::spec(),
        },
    ]
}

#[cfg(test)]
mod tests;
