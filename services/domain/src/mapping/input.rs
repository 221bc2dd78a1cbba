//! Where a value comes from.

use std::borrow::Cow;

use serde_json::Value;

use super::{
    Scope, answer::CompiledAnswer, loss::Loss, path::CompiledPath, template::CompiledTemplate, value,
};
use crate::workflow::{
    compile::{Problems, limits},
    spec::{Input, MessageField},
};

/// An input that is known to be sound.
#[derive(Debug)]
pub(crate) enum CompiledInput {
    /// A place in the payload.
    Path(CompiledPath),
    /// Always the same.
    Constant(Value),
    /// A text with places in it.
    Template(CompiledTemplate),
    /// A form's answer.
    Answer(CompiledAnswer),
    /// Something known of the message itself.
    Field(MessageField),
}

impl CompiledInput {
    /// Compiles `input`; nothing, and a problem, when it is not sound.
    pub(crate) fn compile(input: &Input, problems: &mut Problems) -> Option<Self> {
        match input {
            Input::Path(path) => CompiledPath::compile(path, problems).map(Self::Path),
            Input::Constant(constant) => {
                limits::check_constant(constant, problems).then(|| Self::Constant(constant.clone()))
            }
            Input::Template(text) => CompiledTemplate::compile(text, problems).map(Self::Template),
            Input::Answer(answer) => CompiledAnswer::compile(answer, problems).map(Self::Answer),
            Input::Field(field) => Some(Self::Field(*field)),
        }
    }

    /// The value; whether it is empty is for the caller to ask.
    pub(crate) fn find<'a>(&'a self, scope: &Scope<'a>) -> Result<Cow<'a, Value>, Loss> {
        match self {
            Self::Path(path) => path.find(scope),
            Self::Constant(constant) => Ok(Cow::Borrowed(constant)),
            Self::Template(template) => template.find(scope),
            Self::Answer(answer) => answer.find(scope),
            Self::Field(field) => field_of(*field, scope).map(|text| Cow::Owned(Value::String(text))),
        }
    }

    /// What a person calls it, such as `$.payload.email`.
    pub(crate) fn label(&self) -> String {
        match self {
            Self::Path(path) => path.text().to_owned(),
            Self::Constant(constant) => format!("constant {}", value::excerpt(constant)),
            Self::Template(template) => format!("template {}", value::cut(template.text())),
            Self::Answer(answer) => format!("answer to \"{}\"", value::cut(answer.question())),
            Self::Field(field) => field.as_str().to_owned(),
        }
    }
}

impl MessageField {
    /// Its name in a specification, such as `received_at`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MessageId => "message_id",
            Self::ReceivedAt => "received_at",
            Self::ProviderEvent => "provider_event",
            Self::Cluid => "cluid",
            Self::SourceName => "source_name",
            Self::BookingStage => "booking_stage",
            Self::BookingKey => "booking_key",
            Self::BookingPreviousKey => "booking_previous_key",
        }
    }
}

fn field_of(field: MessageField, scope: &Scope<'_>) -> Result<String, Loss> {
    let message = &scope.message;
    let booking = message.booking.ok_or(Loss::Absent);
    match field {
        MessageField::MessageId => Ok(message.id.to_string()),
        MessageField::ReceivedAt => Ok(message.received.to_string()),
        MessageField::ProviderEvent => message.provider_event.map(str::to_owned).ok_or(Loss::Absent),
        MessageField::Cluid => message.cluid.map(str::to_owned).ok_or(Loss::Absent),
        MessageField::SourceName => Ok(message.source_name.to_owned()),
        MessageField::BookingStage => {
            booking?.stages.first().map(|stage| stage.as_str().to_owned()).ok_or(Loss::Absent)
        }
        MessageField::BookingKey => Ok(booking?.key.clone()),
        MessageField::BookingPreviousKey => booking?.previous.clone().ok_or(Loss::Absent),
    }
}
