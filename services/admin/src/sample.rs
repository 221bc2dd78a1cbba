//! Messages to map from, with the values in them.

use tributary_domain::sample::{self, SampleKind, SampleValue};
use tributary_proto::admin::v1::{
    Message, Sample,
    sample::{PathValue, path_value::Type},
};
use tributary_store::workflow::SampleRecord;

use crate::{convert::value::to_time, name::Names};

/// A message, with its body, to map from.
pub(crate) fn of(message: Message) -> Sample {
    // Only JSON is accepted; a body that is none has no values.
    let payload = serde_json::from_str(&message.body).ok();
    let (values, values_truncated) = payload.as_ref().map(sample::values).unwrap_or_default();
    Sample { message: Some(message), values: values.into_iter().map(value).collect(), values_truncated }
}

/// The message that is pinned to a workflow.
pub(crate) fn pinned(names: Names, record: SampleRecord) -> Sample {
    let body = String::from_utf8(record.body)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
    of(Message {
        name: names.message(record.message),
        message_id: record.message.to_string(),
        source: names.source(record.source),
        receive_time: Some(to_time(record.received_at)),
        provider_event: record.provider_event.unwrap_or_default(),
        body,
        ..Message::default()
    })
}

fn value(found: SampleValue) -> PathValue {
    let kind = match found.kind {
        SampleKind::String => Type::String,
        SampleKind::Number => Type::Number,
        SampleKind::Bool => Type::Bool,
        SampleKind::Null => Type::Null,
        SampleKind::List => Type::List,
        SampleKind::Object => Type::Object,
    };
    PathValue { path: found.path, r#type: kind.into(), value: found.value }
}
