//! An event as it is kept: the draft that the workflow made, whose it turned out to be, and what is known of the
//! browser session.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{booking::Role, id::DestinationId, identity::Step, workflow::event::EventDraft};

/// What is stored with an event besides the columns that are searched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventData {
    /// What the workflow made.
    pub draft: Arc<EventDraft>,
    /// Whether the event made a new profile.
    pub created: bool,
    /// How its profile was found, in the order of the fold.
    pub steps: Vec<Step>,
    /// The browser session's context, reached through the event's cluid.
    pub context: Arc<Map<String, Value>>,
    /// The destinations that it would have gone to, and does not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub withheld: Vec<Withheld>,
    /// What the event is to the booking that it is of, when it is not simply told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// Whether it is of a test message: it goes to the test facilities of platforms alone, and is not counted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_test: bool,
}

/// A destination that is not told of an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withheld {
    /// The destination.
    #[serde(rename = "to")]
    pub destination: DestinationId,
    /// Why.
    pub why: WithheldFor,
    /// The purpose that was not agreed to, where it is for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
}

/// Why a destination is not told of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WithheldFor {
    /// An identifier of the event is on the tenant's suppression list, for this destination.
    Suppressed,
    /// The person did not agree to a purpose that the destination asks for.
    ConsentDenied,
    /// Nothing is known of a purpose that the destination asks for.
    ConsentUnknown,
    /// The event is a test, and the destination has no test facility that it could go to.
    NoTestFacility,
}
