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

    /// What the status means and what to do about it, where nothing more is known of the one run or message; nothing where
    /// it went well.
    pub fn reason(self) -> Option<Reason> {
        let (message, fix) = match self {
            Self::Succeeded => return None,
            Self::MappingNotFound => (
                "the workflow is a draft: no version of it is published",
                "publish its draft (`tributary workflows publish`), then process what came before again",
            ),
            Self::FilterConditionFailed => (
                "the message did not meet the workflow's filter",
                "nothing, if such messages are not meant to pass; else look at the run's reason for the condition and the \
                 value it saw, change the condition, and publish",
            ),
            Self::UserIdMissing => (
                "no mapped user identifier has a valid value",
                "look at the run's reason for what each of them found, map a field that holds an e-mail, a phone number, a \
                 cluid or an id of the person, and publish",
            ),
            Self::AccountIdMissing => (
                "a group event has no valid group identity",
                "map a field that holds the group's id, or filter such messages out, and publish",
            ),
            Self::DataNotFound => (
                "the message is accepted and safe, and not yet processed",
                "look again in a moment; if it stays so, the server's log and `tributary doctor` tell what holds it up",
            ),
            Self::EventNameMissing => (
                "the event has no name: what is mapped to it is empty",
                "add a constant as the last input of the event name, and publish",
            ),
            Self::Failed => (
                "a mapping that must not be empty was, or the message would pass a limit",
                "look at the run's reason for which, mend the mapping, publish, and process the message again",
            ),
            Self::Parked => (
                "the message could not be processed and waits for a person; it holds up no other",
                "look at the parked message for the cause, mend it, then redrive the message",
            ),
            Self::Held => (
                "the message waits: its tenant is suspended, deleted or over its monthly quota, or earlier messages of it \
                 still wait",
                "resume the tenant or have its quota raised: then it is processed by itself, in its turn",
            ),
            Self::Suppressed => (
                "the person was erased or is suppressed, so no event is made",
                "nothing: that is what was asked for; take the suppression back if it was not",
            ),
            Self::Duplicate => (
                "the same message came before, and was processed then",
                "nothing, if its sender repeated it; if it is another one, correct what the source tells messages apart by",
            ),
        };
        Some(Reason { message: message.to_owned(), fix: fix.to_owned(), ..Reason::default() })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_did_not_go_well_says_why_and_what_to_do() {
        for status in RunStatus::ALL {
            let Some(reason) = status.reason() else {
                assert_eq!(status, RunStatus::Succeeded);
                continue;
            };
            for words in [&reason.message, &reason.fix] {
                assert!(words.split(' ').count() > 4 && !words.ends_with('.'), "{status:?}: {words}");
                assert!(words.starts_with(|letter: char| letter.is_lowercase()), "{status:?}: {words}");
            }
        }
    }
}
