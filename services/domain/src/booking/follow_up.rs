//! What a workflow wants to have told after its event, when the booking changes.

use serde::{Deserialize, Serialize};

use super::lineage::State;
use crate::id::EventId;

/// A workflow's setting: with it, its event is told once for a booking, however often that is moved, and what becomes of
/// the booking is told afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct FollowUp {
    /// The event is taken back when the booking is cancelled.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub retract_cancelled: bool,
    /// The event is taken back when nobody came.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub retract_no_show: bool,
    /// The event of a booking that was moved is told as what the first one has become.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub restate_rescheduled: bool,
    /// What was paid later is told as the value of the event.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub restate_paid: bool,
}

impl FollowUp {
    /// Whether an event does not stand any more when its booking is in `state`.
    pub fn retracts(self, state: State) -> Option<Why> {
        match state {
            State::Cancelled => self.retract_cancelled.then_some(Why::Cancelled),
            State::NoShow => self.retract_no_show.then_some(Why::NoShow),
            State::Booked | State::Rescheduled => None,
        }
    }
}

/// The two things that follow an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FollowUpKind {
    /// It does not stand any more.
    Retract,
    /// It is something else now.
    Restate,
}

/// Why something is told, or is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The booking was cancelled.
    Cancelled,
    /// Nobody came.
    NoShow,
    /// The booking was moved.
    Rescheduled,
    /// The booking was paid for.
    Paid,
    /// Another event of the same booking stands already.
    OneBooking,
}

impl Why {
    /// Its stable code, such as `no_show`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Cancelled => "cancelled",
            Self::NoShow => "no_show",
            Self::Rescheduled => "rescheduled",
            Self::Paid => "paid",
            Self::OneBooking => "one_booking",
        }
    }
}

/// What an event is to its booking, when it is not simply told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "role", rename_all = "snake_case")]
pub enum Role {
    /// It is kept and told to nobody.
    Withheld {
        /// Why.
        why: Why,
    },
    /// It follows another event, and is told to those who were told of that one.
    Follows {
        /// What it says of that one.
        kind: FollowUpKind,
        /// That one.
        of: EventId,
        /// What was told last of that one, where that is not itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<EventId>,
        /// Why.
        why: Why,
    },
}
