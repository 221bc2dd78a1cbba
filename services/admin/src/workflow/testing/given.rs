//! What a workflow is tested on: a logged message, the pinned one, or a body that was given.

use http::HeaderMap;
use serde_json::Value;
use tonic::Status;
use tributary_connectors::sources;
use tributary_domain::{
    error::ErrorCode,
    id::MessageId,
    scan::{Limits, scan},
    time::Timestamp,
};
use tributary_planner::Arrival;
use tributary_proto::admin::v1::{Cluid, Header, Message, MessageView, test_workflow_request::On};
use tributary_store::{
    Page, TenantScope,
    message::{MessageFilter, MessageRecord},
    workflow::{SampleRecord, WorkflowRecord},
};

use crate::{
    call::{Call, Located},
    convert::value::to_time,
    error::{from_store, optional, status},
    log::MessageReader,
    violations::{Violations, invalid},
    workflow::convert,
};

/// The sequence of what is not in the log: after all that is.
const LAST: u64 = i64::MAX as u64;
/// How many of the newest messages are looked at for one that has its body.
const LOOKED_AT: u32 = 20;

/// A message to test on.
pub(super) struct Given {
    pub(super) arrival: Arrival,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    /// As it is in the log; unset: it is not.
    record: Option<MessageRecord>,
}

/// The message that is asked for.
///
/// # Errors
/// NOT_FOUND when there is no such message, INVALID_ARGUMENT when it cannot be taken, FAILED_PRECONDITION when none is named
/// and there is none.
pub(super) async fn given(
    call: &Call<'_>,
    located: &Located<'_>,
    workflow: &WorkflowRecord,
    on: Option<On>,
) -> Result<Given, Status> {
    match on {
        Some(On::Message(name)) => {
            let mut violations = Violations::default();
            let message = convert::sample(&name, "message", located, &mut violations);
            violations.check()?;
            let message = message.ok_or_else(|| invalid("message", "has to be set"))?;
            let record = located.scope.message(message).await.map_err(from_store)?;
            if record.body_removed {
                return Err(invalid(
                    "message",
                    "the body of this message was removed for its age: choose a newer one",
                ));
            }
            Ok(logged(workflow, record))
        }
        Some(On::Body(body)) => {
            let source = located.scope.source(workflow.source).await.map_err(from_store)?;
            if body.len() as u64 > source.body_limit {
                return Err(invalid(
                    "body",
                    format!("at most {} bytes, as its source takes", source.body_limit),
                ));
            }
            let (now, random) = call.id_parts(&call.author);
            Ok(new(workflow, MessageId::new(now, random), call.clock.now(), body.into_bytes())?)
        }
        None => match optional(located.scope.workflow_sample(workflow.id).await)? {
            Some(pinned) => of_pinned(call, located, workflow, pinned).await,
            None => newest(&located.scope, workflow).await,
        },
    }
}

/// The pinned message: as it is in the log, or the copy that was made of it.
async fn of_pinned(
    call: &Call<'_>,
    located: &Located<'_>,
    workflow: &WorkflowRecord,
    pinned: SampleRecord,
) -> Result<Given, Status> {
    match optional(located.scope.message(pinned.message).await)? {
        Some(record) if !record.body_removed => Ok(logged(workflow, record)),
        _ => new(workflow, pinned.message, call.clock.now(), pinned.body),
    }
}

async fn newest(scope: &TenantScope<'_>, workflow: &WorkflowRecord) -> Result<Given, Status> {
    let found = scope.messages(&MessageFilter::of(workflow.source), Page::first(LOOKED_AT)).await;
    for line in found.map_err(from_store)?.items {
        let record = optional(scope.message(line.id).await)?.filter(|record| !record.body_removed);
        if let Some(record) = record {
            return Ok(logged(workflow, record));
        }
    }
    let why = "there is nothing to test on: give a body, or name a message of another source";
    Err(status(ErrorCode::FailedPrecondition, "SAMPLE_MISSING", why))
}

fn logged(workflow: &WorkflowRecord, record: MessageRecord) -> Given {
    let summary = &record.summary;
    let is_again = summary.source == workflow.source;
    let arrival = Arrival {
        tenant: workflow.tenant,
        source: workflow.source,
        message: summary.id,
        sequence: if is_again { summary.seq } else { LAST },
        received: summary.received_at,
        is_again,
    };
    Given { arrival, headers: record.headers.clone(), body: record.body.clone(), record: Some(record) }
}

/// A message that is not in the log, if its source would take it.
fn new(
    workflow: &WorkflowRecord,
    message: MessageId,
    received: Timestamp,
    body: Vec<u8>,
) -> Result<Given, Status> {
    scan(&body, &Limits::default())
        .map_err(|error| invalid("body", format!("{error} ({})", error.reason.code())))?;
    let arrival = Arrival {
        tenant: workflow.tenant,
        source: workflow.source,
        message,
        sequence: LAST,
        received,
        is_again: false,
    };
    let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    Ok(Given { arrival, headers, body, record: None })
}

impl Given {
    /// The message in the full view.
    pub(super) async fn message(self, located: &Located<'_>) -> Result<Message, Status> {
        if let Some(record) = self.record {
            return MessageReader::new(located).one(record, MessageView::Full).await;
        }
        let mut message = Message {
            message_id: self.arrival.message.to_string(),
            source: located.names.source(self.arrival.source),
            receive_time: Some(to_time(self.arrival.received)),
            headers: self.headers.into_iter().map(|(name, value)| Header { name, value }).collect(),
            ..Message::default()
        };
        let door = located.scope.door_source(self.arrival.source).await.map_err(from_store)?;
        let found = sources::provider(&door.provider).and_then(|provider| {
            let settings = provider.check_settings(&door.settings).ok()?;
            let body: Value = serde_json::from_slice(&self.body).ok()?;
            Some(provider.facts(&settings, &HeaderMap::new(), &body))
        });
        if let Some(facts) = found {
            message.cluid = Some(Cluid {
                status: crate::log::cluid_status_of(facts.cluid.status()).into(),
                path: facts.cluid_path.clone(),
                value: facts.cluid.found().unwrap_or_default().to_owned(),
            });
            message.provider_event = facts.provider_event.unwrap_or_default();
            message.dedupe_key = facts.dedupe_key.unwrap_or_default();
        }
        message.body = String::from_utf8(self.body).unwrap_or_default();
        Ok(message)
    }
}
