//! The shape of a workflow: what a draft and a published version say. Stored as JSON, sent as protobuf; this is
//! the form that the rules read. Node ids are stable over edits, so that traces and problems can point to them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::booking::FollowUp;

/// What a workflow does with one message.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct WorkflowSpec {
    /// Which kind of event it makes.
    pub kind: Kind,
    /// One event per element that this path selects; unset: one event of the whole message.
    pub for_each: Option<Path>,
    /// Which messages pass; unset: all.
    pub filter: Option<Group>,
    /// The event's name.
    pub event_name: Option<Mapping>,
    /// When it happened; unset or empty: when the message was received.
    pub event_time: Option<Mapping>,
    /// The id that platforms deduplicate by; unset or empty: the event's own id.
    pub event_id: Option<Mapping>,
    /// One to three user identifiers, one of them primary.
    pub identifiers: Vec<Mapping>,
    /// What is known of the person.
    pub user_traits: Vec<Mapping>,
    /// What is known of the event.
    pub event_attributes: Vec<Mapping>,
    /// Which group (account, company) it concerns.
    pub group_identities: Vec<Mapping>,
    /// What is known of the group.
    pub group_traits: Vec<Mapping>,
    /// What the person agreed to.
    pub consents: Vec<Mapping>,
    /// Its events are told once for a booking, and this is what follows them; unset: every event stands for itself.
    pub follow_up: Option<FollowUp>,
}

impl WorkflowSpec {
    /// The name of its events where it is the same for all of them, so that nothing of a message is in it.
    pub fn constant_name(&self) -> Option<&str> {
        let name = self.event_name.as_ref()?;
        match name.inputs.as_slice() {
            [Input::Constant(constant)] if name.steps.is_empty() => constant.as_str(),
            _ => None,
        }
    }
}

/// The kinds of event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Something a person did.
    #[default]
    Track,
    /// Only who a person is.
    Identify,
    /// Which group a person belongs to; needs a group identity.
    Group,
}

/// One value of the event: where it comes from and what is done to it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Mapping {
    /// The node's id.
    pub id: String,
    /// What it fills: `email`, `external_id:crm`, `first_name`, `value`, ...
    pub target: String,
    /// What kind of value it is.
    pub value_type: ValueType,
    /// For identifiers: the one that a person is looked for by first.
    pub primary: bool,
    /// Left out, but kept in the draft.
    pub disabled: bool,
    /// Map only if this holds.
    pub when: Option<Group>,
    /// The first that is not empty wins.
    pub inputs: Vec<Input>,
    /// What is done to the value, in order.
    pub steps: Vec<Step>,
    /// What happens when nothing is left.
    pub on_empty: OnEmpty,
}

/// The type that a mapped value is brought to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValueType {
    /// As it comes.
    #[default]
    Any,
    /// A text.
    String,
    /// A number.
    Number,
    /// True or false.
    Bool,
    /// A time.
    Time,
}

/// What happens when a mapping finds nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnEmpty {
    /// The value is left out.
    #[default]
    Skip,
    /// For traits: what is known is erased.
    Clear,
    /// The run fails.
    Fail,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Input {
    /// A place in the payload.
    Path(Path),
    /// Always the same.
    Constant(Value),
    /// A text with `{{ $.path }}` in it.
    Template(String),
    /// A form's answer, found by its question.
    Answer(Answer),
    /// Something known of the message itself.
    Field(MessageField),
}

/// A place in the payload.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Path {
    /// RFC 9535 JSONPath.
    pub jsonpath: String,
    /// Which of the nodes found.
    pub pick: Pick,
}

/// Which of the nodes that a path finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pick {
    /// The first.
    #[default]
    First,
    /// The last.
    Last,
    /// The one; nothing when there are several.
    Only,
    /// All, as a list.
    All,
}

/// A form's answer by its question, never by its position.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Answer {
    /// The text of the question.
    pub question: String,
    /// How the text is compared.
    pub matching: Match,
}

/// How a question is compared; case and white space at the ends never count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Match {
    /// The whole text.
    #[default]
    Exact,
    /// It starts with it.
    Prefix,
    /// It contains it.
    Contains,
}

/// What is known of a message besides its payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageField {
    /// The message's id.
    MessageId,
    /// When it was received.
    ReceivedAt,
    /// The provider's own name of the event, such as `invitee.created`.
    ProviderEvent,
    /// The cluid that the source found; empty unless it is one of ours.
    Cluid,
    /// The source's display name.
    SourceName,
    /// What happened to the booking that the message is about, such as `rescheduled`; empty when it is about none.
    BookingStage,
    /// The provider's key of that booking.
    BookingKey,
    /// The key that it was moved from.
    BookingPreviousKey,
}

/// One thing done to a value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The node's id.
    #[serde(default)]
    pub id: String,
    /// What is done.
    pub op: Op,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// White space off both ends.
    Trim,
    /// Upper, lower or title case.
    Case(CaseTo),
    /// One part of a person's name.
    SplitName(NamePart),
    /// One part of a text between separators, counted from 0; negative from the end. Without an index: a list.
    Split {
        /// What stands between the parts.
        separator: String,
        /// Which part.
        index: Option<i32>,
    },
    /// A list as one text.
    Join {
        /// What comes between the parts.
        separator: String,
    },
    /// Every match of a regular expression replaced.
    Replace {
        /// The pattern, in the syntax of the `regex` crate.
        pattern: String,
        /// What takes its place; `$1` is the first group.
        with: String,
    },
    /// A value looked up in a table.
    Lookup {
        /// From what to what.
        table: std::collections::BTreeMap<String, Value>,
        /// What to take when it is not there; unset: nothing.
        otherwise: Option<Value>,
    },
    /// A number of a text.
    ToNumber,
    /// True or false of a text or number.
    ToBool,
    /// A time of a text or number.
    ToDate(DateFormat),
    /// E.164 of a phone number.
    ToPhone {
        /// ISO 3166 alpha-2 country for numbers without a country code; unset: the tenant's.
        country: Option<String>,
    },
    /// A value for when nothing is there.
    Default(Value),
}

/// The cases of letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaseTo {
    /// lower case
    Lower,
    /// UPPER CASE
    Upper,
    /// Each Word With A Capital
    Title,
}

/// The parts of a person's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NamePart {
    /// All but the last word.
    First,
    /// The last word, where there are several.
    Last,
}

/// How a time is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DateFormat {
    /// RFC 3339, or seconds or milliseconds since the epoch, told apart by size.
    Auto,
    /// Seconds since the epoch.
    UnixSeconds,
    /// Milliseconds since the epoch.
    UnixMillis,
    /// A strftime pattern, in the tenant's time zone where the text has none.
    Pattern(String),
}

/// Conditions joined by a logic.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Group {
    /// How the nodes are joined.
    pub logic: Logic,
    /// What is joined.
    pub nodes: Vec<Node>,
}

/// How conditions are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Logic {
    /// Every one holds.
    #[default]
    All,
    /// One of them holds.
    Any,
    /// None of them holds.
    None,
}

/// One node of a filter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// The node's id.
    #[serde(default)]
    pub id: String,
    /// What it is.
    #[serde(flatten)]
    pub test: Test,
}

/// A group or a condition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Test {
    /// More nodes.
    Group(Group),
    /// One comparison.
    Condition(Condition),
}

/// One comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Condition {
    /// What is compared.
    pub left: Input,
    /// How.
    pub op: Operator,
    /// With what; how many values are needed depends on the operator.
    #[serde(default)]
    pub right: Vec<Value>,
}

/// How two values are compared. Numbers, times and texts are compared as what the right side is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operator {
    /// Is the same.
    Equals,
    /// Is not the same.
    NotEquals,
    /// Has it in it: a text in a text, an element in a list.
    Contains,
    /// Does not have it in it.
    NotContains,
    /// Starts with it.
    StartsWith,
    /// Ends with it.
    EndsWith,
    /// Matches the regular expression.
    Matches,
    /// Is one of the values.
    In,
    /// Is none of the values.
    NotIn,
    /// Is there, and not null.
    Exists,
    /// Is not there, or null.
    NotExists,
    /// Is not there, null, or an empty text, list or object.
    Empty,
    /// Is not empty.
    NotEmpty,
    /// Number: less than.
    LessThan,
    /// Number: less than or equal.
    AtMost,
    /// Number: greater than.
    GreaterThan,
    /// Number: greater than or equal.
    AtLeast,
    /// Time: before.
    Before,
    /// Time: after.
    After,
}
