//! How a run ended: a stable code for programs, a name for people, and the reason.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RunStatus {
    /// Events were made.
    Succeeded,
    /// The workflow has no published version.
    MappingNotFound,
    /// The filter did not let the message through.
    FilterConditionFailed,
    /// No valid user identifier was found.
    UserIdMissing,
    /// A group event without a group identity.
    AccountIdMissing,
    /// Accepted, and not yet processed.
    DataNotFound,
    /// The event has no name.
    EventNameMissing,
    /// A mapping that must not be empty was, or a limit was passed.
    Failed,
    /// It could not be processed and waits for a person.
    Parked,
    /// It waits: the tenant is suspended or over its quota.
    Held,
    /// The person was erased or is suppressed.
    Suppressed,
    /// The same message came before.
    Duplicate,
}

impl RunStatus {
    /// Every status.
    pub const ALL: [Self; 12] = [
        Self::Succeeded,
        Self::MappingNotFound,
        Self::FilterConditionFailed,
        Self::UserIdMissing,
        Self::AccountIdMissing,
        Self::DataNotFound,
        Self::EventNameMissing,
        Self::Failed,
        Self::Parked,
        Self::Held,
        Self::Suppressed,
        Self::Duplicate,
    ];

    /// The stable code, such as `FILTER_CONDITION_FAILED`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Succeeded => "SUCCEEDED",
            Self::MappingNotFound => "MAPPING_NOT_FOUND",
            Self::FilterConditionFailed => "FILTER_CONDITION_FAILED",
            Self::UserIdMissing => "USER_ID_MISSING",
            Self::AccountIdMissing => "ACCOUNT_ID_MISSING",
            Self::DataNotFound => "DATA_NOT_FOUND",
            Self::EventNameMissing => "EVENT_NAME_MISSING",
            Self::Failed => "FAILED",
            Self::Parked => "PARKED",
            Self::Held => "HELD",
            Self::Suppressed => "SUPPRESSED",
            Self::Duplicate => "DUPLICATE",
        }
    }

    /// The status of a code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.code() == code)
    }

    /// The name that people see.
    pub fn display_name(self) -> &'static str {
        match self {
            Self::Succeeded => "Succeeded",
            Self::MappingNotFound => "Mapping not found",
            Self::FilterConditionFailed => "Filter condition failed",
            Self::UserIdMissing => "User ID missing",
            Self::AccountIdMissing => "Account ID missing",
            Self::DataNotFound => "Data not found",
            Self::EventNameMissing => "Event name missing",
            Self::Failed => "Failed",
            Self::Parked => "Parked",
            Self::Held => "Held",
            Self::Suppressed => "Suppressed",
            Self::Duplicate => "Duplicate",
        }
    }
}

/// Why a run ended as it did.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Reason {
    /// A sentence that says what was wrong, and where.
    pub message: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub fix: String,
    /// The node of the workflow that decided it; empty when none did.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub node_id: String,
    /// The value that node saw, cut to a readable length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
}
