//! Messages: inbound webhooks, with their raw bytes. The ledger writes them.

mod log;
mod replay;

use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QuerySelect};
use serde::{Deserialize, Serialize};
use tributary_domain::{
    id::{MessageId, SourceId, TenantId, WorkflowId},
    time::Timestamp,
    workflow::status::RunStatus,
};

pub use log::{MessageFilter, RunOf};
pub use replay::MessageReplay;

use crate::{
    Store, StoreError, TenantScope,
    column::{codes, id, json, number, optional_id},
    entity::message,
    ledger::Fate,
    packed::unpack,
    retention::REMOVED,
};

codes! {
    /// What the source found where it looks for the cluid.
    CluidStatus {
        /// One of ours.
        Found = "FOUND",
        /// Nothing.
        Missing = "MISSING",
        /// Something that is not one of ours.
        Foreign = "FOREIGN",
        /// A template that nobody filled in.
        Placeholder = "PLACEHOLDER",
    }
}

codes! {
    /// How far a message is known to come from its provider.
    SignatureStatus {
        /// It was signed with one of the source's keys.
        Valid = "VALID",
        /// The source had no key, so that nothing was checked.
        Unsigned = "UNSIGNED",
        /// It was read through the provider's API, which answers to the token of the source's connection.
        Fetched = "FETCHED",
    }
}

/// How one workflow ended for a message, as it is kept with the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageRun {
    /// Which workflow.
    pub workflow: WorkflowId,
    /// Which version of it; 0 when none was published.
    pub version: u32,
    /// How it ended.
    pub status: RunStatus,
}

/// A message without its headers and body: a line of the source log.
#[derive(Debug, Clone, PartialEq)]
pub struct MessageSummary {
    /// Its id.
    pub id: MessageId,
    /// Where it came from.
    pub source: SourceId,
    /// Its place in the journal of its partition.
    pub seq: u64,
    /// When it was accepted.
    pub received_at: Timestamp,
    /// When it was applied.
    pub committed_at: Timestamp,
    /// The provider's own name of the event, such as `invitee.created`.
    pub provider_event: Option<String>,
    /// What the source found where it looks for the cluid.
    pub cluid: Option<String>,
    /// What that is.
    pub cluid_status: CluidStatus,
    /// What duplicates are known by.
    pub dedupe_key: Option<String>,
    /// What became of it.
    pub fate: Fate,
    /// Whether it was signed.
    pub signature: SignatureStatus,
    /// How the source's workflows ended, in the order in which they ran.
    pub runs: Vec<MessageRun>,
    /// The W3C `traceparent` of the request that brought it.
    pub trace_parent: Option<String>,
    /// Whether it is a test.
    pub is_test: bool,
}

/// A message.
#[derive(Debug, Clone, PartialEq)]
pub struct MessageRecord {
    /// All but headers and body.
    pub summary: MessageSummary,
    /// The headers that were kept, in their order.
    pub headers: Vec<(String, String)>,
    /// The body, byte for byte.
    pub body: Vec<u8>,
    /// Whether headers and body were removed for their age, and are empty because of that.
    pub body_removed: bool,
}

/// The columns of a [`MessageSummary`].
#[derive(FromQueryResult)]
struct SummaryRow {
    id: String,
    source_id: String,
    seq: i64,
    received_at: i64,
    committed_at: i64,
    provider_event: Option<String>,
    cluid: Option<String>,
    cluid_status: String,
    dedupe_key: Option<String>,
    duplicate_of: Option<String>,
    fate: String,
    signature: String,
    runs: String,
    trace_parent: Option<String>,
    is_test: Option<i32>,
}

const SUMMARY: [message::Column; 15] = [
    message::Column::Id,
    message::Column::SourceId,
    message::Column::Seq,
    message::Column::ReceivedAt,
    message::Column::CommittedAt,
    message::Column::ProviderEvent,
    message::Column::Cluid,
    message::Column::CluidStatus,
    message::Column::DedupeKey,
    message::Column::Fate,
    message::Column::DuplicateOf,
    message::Column::Signature,
    message::Column::Runs,
    message::Column::TraceParent,
    message::Column::IsTest,
];

impl Store {
    /// Whose message this is: for callers that only have `msg_…`. They must then check that they may see that tenant
    /// before they say that the message exists.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tenant_of_message(&self, message: MessageId) -> Result<Option<TenantId>, StoreError> {
        let tenant: Option<String> = message::Entity::find_by_id(message.to_string())
            .select_only()
            .column(message::Column::TenantId)
            .into_tuple()
            .one(self.reader())
            .await?;
        optional_id(tenant.as_deref(), "messages.tenant_id")
    }
}

impl TenantScope<'_> {
    /// The message with this id.
    ///
    /// # Errors
    /// When the tenant has none, or it is not applied yet.
    pub async fn message(&self, message: MessageId) -> Result<MessageRecord, StoreError> {
        let query =
            message::Entity::find_by_id(message.to_string()).filter(message::Column::TenantId.eq(self.key()));
        let row = query.one(&self.reader()).await?;
        row.ok_or_else(|| StoreError::not_found("message"))?.try_into()
    }
}

fn fate_of(code: &str, duplicate_of: Option<&str>) -> Result<Fate, StoreError> {
    let fates = match duplicate_of {
        Some(first) => vec![Fate::Duplicate(id(first, "messages.duplicate_of")?)],
        None => vec![Fate::Applied, Fate::Held, Fate::Parked, Fate::Suppressed],
    };
    let found = fates.into_iter().find(|fate| fate.code() == code);
    found.ok_or_else(|| StoreError::corrupt("messages.fate"))
}

impl TryFrom<message::Model> for MessageRecord {
    type Error = StoreError;

    fn try_from(row: message::Model) -> Result<Self, StoreError> {
        let body_removed = row.headers == REMOVED;
        let (headers, body) = if body_removed {
            Default::default()
        } else {
            let headers = json(&row.headers, "messages.headers")?;
            (headers, unpack(&row.body, "messages.body")?.into_owned())
        };
        let summary = SummaryRow {
            id: row.id,
            source_id: row.source_id,
            seq: row.seq,
            received_at: row.received_at,
            committed_at: row.committed_at,
            provider_event: row.provider_event,
            cluid: row.cluid,
            cluid_status: row.cluid_status,
            dedupe_key: row.dedupe_key,
            fate: row.fate,
            duplicate_of: row.duplicate_of,
            signature: row.signature,
            runs: row.runs,
            trace_parent: row.trace_parent,
            is_test: row.is_test,
        };
        Ok(Self { summary: summary.try_into()?, headers, body, body_removed })
    }
}

impl TryFrom<SummaryRow> for MessageSummary {
    type Error = StoreError;

    fn try_from(row: SummaryRow) -> Result<Self, StoreError> {
        let cluid_status = CluidStatus::from_code(&row.cluid_status);
        let signature = SignatureStatus::from_code(&row.signature);
        Ok(Self {
            id: id(&row.id, "messages.id")?,
            source: id(&row.source_id, "messages.source_id")?,
            seq: number(row.seq, "messages.seq")?,
            received_at: Timestamp::from_micros(row.received_at),
            committed_at: Timestamp::from_micros(row.committed_at),
            provider_event: row.provider_event,
            cluid: row.cluid,
            cluid_status: cluid_status.ok_or_else(|| StoreError::corrupt("messages.cluid_status"))?,
            dedupe_key: row.dedupe_key,
            fate: fate_of(&row.fate, row.duplicate_of.as_deref())?,
            signature: signature.ok_or_else(|| StoreError::corrupt("messages.signature"))?,
            runs: json(&row.runs, "messages.runs")?,
            trace_parent: row.trace_parent,
            is_test: row.is_test.is_some(),
        })
    }
}
