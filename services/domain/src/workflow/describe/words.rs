//! The choices that are only a word.

use serde::Serialize;

use super::every;
use crate::workflow::spec::{Kind, Logic, Match, MessageField, OnEmpty, Pick, ValueType};

/// One choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Word {
    /// Its name in a specification.
    pub name: &'static str,
    /// What people read.
    pub label: &'static str,
    /// What it does, in a sentence.
    pub help: &'static str,
}

const fn word(name: &'static str, label: &'static str, help: &'static str) -> Word {
    Word { name, label, help }
}

/// The kinds of event.
pub(super) fn kinds() -> Vec<Word> {
    let describe = |kind| match kind {
        Kind::Track => word("track", "Track", "Something that a person did."),
        Kind::Identify => word("identify", "Identify", "Only who a person is."),
        Kind::Group => {
            word("group", "Group", "Which account or company is concerned; needs a group identity.")
        }
    };
    every!(Kind: Track, Identify, Group).map(describe).to_vec()
}

/// How conditions are joined.
pub(super) fn logics() -> Vec<Word> {
    let describe = |logic| match logic {
        Logic::All => word("all", "All of", "Every condition holds."),
        Logic::Any => word("any", "Any of", "At least one condition holds."),
        Logic::None => word("none", "None of", "No condition holds."),
    };
    every!(Logic: All, Any, None).map(describe).to_vec()
}

/// Which of the nodes that a path finds.
pub(super) fn picks() -> Vec<Word> {
    let describe = |pick| match pick {
        Pick::First => word("first", "First", "The first value that the path finds."),
        Pick::Last => word("last", "Last", "The last value that the path finds."),
        Pick::Only => {
            word("only", "The only one", "The value that the path finds; nothing when it finds several.")
        }
        Pick::All => word("all", "All", "Every value that the path finds, as a list."),
    };
    every!(Pick: First, Last, Only, All).map(describe).to_vec()
}

/// What happens when nothing is found.
pub(super) fn on_empty() -> Vec<Word> {
    let describe = |on_empty| match on_empty {
        OnEmpty::Skip => word("skip", "Leave out", "The value is left out; what is known stays."),
        OnEmpty::Clear => word("clear", "Erase", "For traits: what is known is erased."),
        OnEmpty::Fail => word("fail", "Fail", "The run fails."),
    };
    every!(OnEmpty: Skip, Clear, Fail).map(describe).to_vec()
}

/// What a value is brought to.
pub(super) fn value_types() -> Vec<Word> {
    let describe = |value_type| match value_type {
        ValueType::Any => word("any", "As it comes", "The value keeps its type."),
        ValueType::String => word("string", "Text", "The value becomes a text."),
        ValueType::Number => word("number", "Number", "The value becomes a number, or is left out."),
        ValueType::Bool => word("bool", "Yes or no", "The value becomes true or false, or is left out."),
        ValueType::Time => word("time", "Time", "The value becomes a time in UTC, or is left out."),
    };
    every!(ValueType: Any, String, Number, Bool, Time).map(describe).to_vec()
}

/// What is known of a message besides its payload.
pub(super) fn message_fields() -> Vec<Word> {
    let describe = |field: MessageField| match field {
        MessageField::MessageId => {
            word(field.as_str(), "Message id", "The id that the message has in every log.")
        }
        MessageField::ReceivedAt => word(field.as_str(), "Received at", "When the message was received."),
        MessageField::ProviderEvent => {
            word(field.as_str(), "Provider's event", "The provider's own name, such as invitee.created.")
        }
        MessageField::Cluid => word(
            field.as_str(),
            "Visitor id (cluid)",
            "The cluid that the source found; empty unless it is one of ours.",
        ),
        MessageField::SourceName => word(field.as_str(), "Source", "The display name of the source."),
        MessageField::BookingStage => {
            let help = "What happened to the booking: created, rescheduled, moved, cancelled, no_show, no_show_removed or paid.";
            word(field.as_str(), "Stage of the booking", help)
        }
        MessageField::BookingKey => {
            word(field.as_str(), "Key of the booking", "What the provider knows the booking by.")
        }
        MessageField::BookingPreviousKey => word(
            field.as_str(),
            "Key before the move",
            "What the provider knew the booking by before it was moved; empty when it was not.",
        ),
    };
    every!(MessageField: MessageId, ReceivedAt, ProviderEvent, Cluid, SourceName, BookingStage, BookingKey, BookingPreviousKey).map(describe).to_vec()
}

/// How a question is compared.
pub(super) fn question_matches() -> Vec<Word> {
    let describe = |matching| match matching {
        Match::Exact => word("exact", "Is", "The whole question, without regard to case."),
        Match::Prefix => word("prefix", "Starts with", "The question starts with the text."),
        Match::Contains => word("contains", "Contains", "The question contains the text."),
    };
    every!(Match: Exact, Prefix, Contains).map(describe).to_vec()
}
