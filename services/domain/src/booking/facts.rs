//! What one message says of a booking.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// What a message says of the booking that it is about. A booking that was moved has several keys, one for each time it
/// was moved to; messages link them.
#[derive(Clone, PartialEq)]
pub struct BookingFacts {
    /// Among whose keys these are.
    pub scope: KeyScope,
    /// The provider's key of what the message is about, such as the invitee's URI.
    pub key: String,
    /// The key that it had before it was moved, where the message says so.
    pub previous: Option<String>,
    /// The key that it has since it was moved, where the message says so.
    pub next: Option<String>,
    /// What happened, the chief thing first; never empty.
    pub stages: Vec<Stage>,
    /// When, by the provider; unset: it does not say.
    pub at: Option<Timestamp>,
    /// What was paid, where the message says so.
    pub paid: Option<Paid>,
}

impl fmt::Debug for BookingFacts {
    /// Without the keys, which a custom source may take from anything, an e-mail address among it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BookingFacts")
            .field("stages", &self.stages)
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

/// Among which keys one means the same booking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyScope {
    /// Those of all sources of the tenant: the provider's keys are unique in the world.
    Tenant,
    /// Those of this source alone.
    Source,
}

/// What was paid.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Paid {
    /// How much, in whole units of the currency.
    pub value: f64,
    /// ISO 4217, as the provider writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
}

/// What happened to a booking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// It was made.
    Created,
    /// It was made in place of another, which it was moved from.
    Rescheduled,
    /// It was given up for another, which it was moved to.
    Moved,
    /// It was given up.
    Cancelled,
    /// Nobody came.
    NoShow,
    /// Somebody came after all.
    NoShowRemoved,
    /// It was paid for.
    Paid,
}

impl Stage {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Created,
        Self::Rescheduled,
        Self::Moved,
        Self::Cancelled,
        Self::NoShow,
        Self::NoShowRemoved,
        Self::Paid,
    ];

    /// Its name in settings, mappings and filters, such as `no_show`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Rescheduled => "rescheduled",
            Self::Moved => "moved",
            Self::Cancelled => "cancelled",
            Self::NoShow => "no_show",
            Self::NoShowRemoved => "no_show_removed",
            Self::Paid => "paid",
        }
    }

    /// The stage of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.as_str() == name)
    }
}
