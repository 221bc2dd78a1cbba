//! Messages as the contract has them, and how one is found.

use std::collections::HashMap;

use http::HeaderMap;
use serde_json::Value;
use tonic::{Code, Status};
use tributary_connectors::sources;
use tributary_domain::{
    committed::CommittedMessage,
    id::{MessageId, SourceId, WorkflowId},
    workflow::status::RunStatus,
};
use tributary_proto::admin::v1::{
    Cluid, GetMessageRequest, Header, Message, MessageView, cluid,
    message::{RunSummary, Signature},
};
use tributary_store::{
    StoreError,
    ledger::Fate,
    message::{CluidStatus, MessageRecord, MessageSummary, SignatureStatus},
    search::Order,
};

use crate::{
    call::{Call, Located},
    check,
    convert::{status, value::to_time},
    error::{from_store, not_found, optional},
    name::{Names, TenantPath},
};

/// A page of messages ends when their bodies have so many bytes: with one more of the largest, and all the headers, it
/// is still well within the largest answer.
const ENOUGH: usize = 16 * 1024 * 1024;

/// A message that a caller asked for.
#[derive(Debug)]
pub(super) enum Found<'a> {
    /// It is committed.
    Stored(Box<(Located<'a>, MessageRecord)>),
    /// It is accepted, and not yet committed.
    Accepted(MessageId, Names),
}

/// Finds a message by its name or its bare id.
///
/// # Errors
/// NOT_FOUND when it was never accepted, or belongs to another tenant than the name says.
pub(super) async fn find<'a>(call: &Call<'a>, name: &str) -> Result<Found<'a>, Status> {
    let (named, message) = match name.parse::<MessageId>() {
        Ok(message) => (None, message),
        Err(_) => {
            let (path, message) = TenantPath::child("name", name, "messages")?;
            (Some(path), message)
        }
    };
    if let Some(found) = stored(call, named, message).await? {
        return Ok(found);
    }
    let accepted = call.house.tenant_of_accepted(message).await;
    // What waits of another tenant is not there for whoever named this one.
    if let Some(tenant) = accepted.filter(|tenant| named.is_none_or(|path| path.tenant == *tenant)) {
        let path = named.unwrap_or(TenantPath { agency: None, tenant });
        return match call.locate(path).await {
            Err(status) if named.is_none() && status.code() == Code::NotFound => Err(not_found("message")),
            located => Ok(Found::Accepted(message, located?.names)),
        };
    }
    // It may have been committed between the two looks.
    stored(call, named, message).await?.ok_or_else(|| not_found("message"))
}

async fn stored<'a>(
    call: &Call<'a>,
    named: Option<TenantPath>,
    message: MessageId,
) -> Result<Option<Found<'a>>, Status> {
    let path = match named {
        Some(path) => path,
        None => match call.store.tenant_of_message(message).await.map_err(from_store)? {
            Some(tenant) => TenantPath { agency: None, tenant },
            None => return Ok(None),
        },
    };
    let located = match call.locate(path).await {
        // A bare id of a message that the caller may not know of is one that is not there.
        Err(status) if named.is_none() && status.code() == Code::NotFound => return Ok(None),
        located => located?,
    };
    match located.scope.message(message).await {
        Ok(record) => Ok(Some(Found::Stored(Box::new((located, record))))),
        Err(StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(from_store(error)),
    }
}

/// Answers GetMessage.
pub(super) async fn get(call: &Call<'_>, request: GetMessageRequest) -> Result<Message, Status> {
    let view = match check::message_view(request.view)? {
        MessageView::Unspecified => MessageView::Full,
        view => view,
    };
    match find(call, &request.name).await? {
        Found::Accepted(message, names) => Ok(accepted(message, names)),
        Found::Stored(stored) => {
            let (located, record) = *stored;
            MessageReader::new(&located).one(record, view).await
        }
    }
}

/// A message that is accepted and not yet processed.
pub(super) fn accepted(message: MessageId, names: Names) -> Message {
    Message {
        name: names.message(message),
        message_id: message.to_string(),
        status: Some(status::run(RunStatus::DataNotFound, None)),
        ..Message::default()
    }
}

/// Makes messages of records; knows where each source looks for its cluid.
#[derive(Debug)]
pub(crate) struct MessageReader<'a> {
    located: &'a Located<'a>,
    cluid_paths: HashMap<SourceId, String>,
}

impl<'a> MessageReader<'a> {
    /// A reader of one tenant's messages.
    pub(crate) fn new(located: &'a Located<'a>) -> Self {
        Self { located, cluid_paths: HashMap::new() }
    }

    /// The messages of these lines, which are in this order, with headers and bodies where `view` wants them; and the place
    /// at which the next page goes on, when bodies were enough for one answer before the lines ended.
    pub(crate) async fn all(
        mut self,
        lines: Vec<MessageSummary>,
        view: MessageView,
        order: Order,
    ) -> Result<(Vec<Message>, Option<MessageId>), Status> {
        let mut messages = Vec::with_capacity(lines.len());
        let mut bytes = 0;
        let mut lines = lines.into_iter().peekable();
        while let Some(line) = lines.next() {
            let id = line.id;
            let message = if view == MessageView::Full {
                let record = self.located.scope.message(id).await.map_err(from_store)?;
                self.full(record).await?
            } else {
                self.basic(line).await?
            };
            bytes += message.body.len();
            messages.push(message);
            if let Some(rest) = lines.peek().filter(|_| bytes >= ENOUGH) {
                let place = if order == Order::NewestFirst { id } else { rest.id };
                return Ok((messages, Some(place)));
            }
        }
        Ok((messages, None))
    }

    /// The message of one record.
    pub(crate) async fn one(mut self, record: MessageRecord, view: MessageView) -> Result<Message, Status> {
        if view == MessageView::Full { self.full(record).await } else { self.basic(record.summary).await }
    }

    async fn full(&mut self, record: MessageRecord) -> Result<Message, Status> {
        let message = self.basic(record.summary).await?;
        let body = String::from_utf8(record.body)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
        let body_removed = record.body_removed;
        Ok(Message { headers: headers(record.headers), body, body_removed, ..message })
    }

    async fn basic(&mut self, line: MessageSummary) -> Result<Message, Status> {
        let path = self.cluid_path(line.source).await?;
        let names = self.located.names;
        let runs = line.runs.iter().map(|run| (run.workflow, run.version, run.status));
        Ok(Message {
            name: names.message(line.id),
            message_id: line.id.to_string(),
            source: names.source(line.source),
            receive_time: Some(to_time(line.received_at)),
            process_time: Some(to_time(line.committed_at)),
            status: Some(status::run(line.fate.status(), None)),
            provider_event: line.provider_event.unwrap_or_default(),
            cluid: Some(Cluid {
                status: cluid_status(line.cluid_status).into(),
                value: line.cluid.unwrap_or_default(),
                path,
            }),
            dedupe_key: line.dedupe_key.unwrap_or_default(),
            duplicate_of: duplicate_of(names, line.fate),
            signature: signature(line.signature).into(),
            runs: run_summaries(names, line.source, runs),
            test: line.is_test,
            headers: Vec::new(),
            body: String::new(),
            body_removed: false,
        })
    }

    /// Where a source looks for its cluid, a deleted one too; empty when that is not known any more.
    async fn cluid_path(&mut self, source: SourceId) -> Result<String, Status> {
        if let Some(path) = self.cluid_paths.get(&source) {
            return Ok(path.clone());
        }
        let door = optional(self.located.scope.door_source(source).await)?;
        let path = door.and_then(|door| {
            let provider = sources::provider(&door.provider)?;
            let settings = provider.check_settings(&door.settings).ok()?;
            Some(provider.facts(&settings, &HeaderMap::new(), &Value::Null).cluid_path)
        });
        let path = path.unwrap_or_default();
        self.cluid_paths.insert(source, path.clone());
        Ok(path)
    }
}

/// What is told of a message as soon as it is committed.
pub(super) fn committed(names: Names, message: &CommittedMessage) -> Message {
    let cluid = cluid_status_of(message.cluid_status);
    let signed = SignatureStatus::from_code(message.signature).map_or(Signature::Unspecified, signature);
    Message {
        name: names.message(message.message),
        message_id: message.message.to_string(),
        source: names.source(message.source),
        receive_time: Some(to_time(message.received)),
        process_time: Some(to_time(message.committed)),
        status: Some(status::run(message.status, None)),
        provider_event: message.provider_event.clone().unwrap_or_default(),
        cluid: Some(Cluid { status: cluid.into(), ..Cluid::default() }),
        duplicate_of: message.duplicate_of.map(|first| names.message(first)).unwrap_or_default(),
        signature: signed.into(),
        runs: run_summaries(names, message.source, message.runs.iter().copied()),
        test: message.is_test,
        ..Message::default()
    }
}

fn run_summaries(
    names: Names,
    source: SourceId,
    runs: impl Iterator<Item = (WorkflowId, u32, RunStatus)>,
) -> Vec<RunSummary> {
    let summary = |(workflow, version, status): (WorkflowId, u32, RunStatus)| RunSummary {
        workflow: names.workflow(source, workflow),
        version: i32::try_from(version).unwrap_or(i32::MAX),
        status: Some(status::run(status, None)),
    };
    runs.map(summary).collect()
}

/// The code that messages of this status have in the log.
pub(super) fn fate_code(status: &str) -> Option<&'static str> {
    let first = MessageId::from_bits(0);
    let fates = [Fate::Applied, Fate::Duplicate(first), Fate::Held, Fate::Parked, Fate::Suppressed];
    fates.into_iter().find(|fate| fate.status().code() == status).map(Fate::code)
}

fn duplicate_of(names: Names, fate: Fate) -> String {
    match fate {
        Fate::Duplicate(first) => names.message(first),
        Fate::Applied | Fate::Held | Fate::Parked | Fate::Suppressed => String::new(),
    }
}

/// What the code of a cluid's status means.
pub(crate) fn cluid_status_of(code: &str) -> cluid::Status {
    CluidStatus::from_code(code).map_or(cluid::Status::Unspecified, cluid_status)
}

fn cluid_status(status: CluidStatus) -> cluid::Status {
    match status {
        CluidStatus::Found => cluid::Status::Found,
        CluidStatus::Missing => cluid::Status::Missing,
        CluidStatus::Foreign => cluid::Status::Foreign,
        CluidStatus::Placeholder => cluid::Status::Placeholder,
    }
}

fn signature(status: SignatureStatus) -> Signature {
    match status {
        SignatureStatus::Valid => Signature::Valid,
        SignatureStatus::Unsigned => Signature::Unsigned,
        SignatureStatus::Fetched => Signature::Fetched,
    }
}

/// Headers as the contract has them.
pub(super) fn headers(headers: Vec<(String, String)>) -> Vec<Header> {
    headers.into_iter().map(|(name, value)| Header { name, value }).collect()
}
