//! The message that is pinned to a workflow's draft: copied when it is pinned, so that it stays when the log forgets it.

use sea_orm::{
    ColumnTrait, DatabaseTransaction, EntityTrait, FromQueryResult, IntoActiveModel, QueryFilter, QuerySelect,
};
use tributary_domain::{
    id::{MessageId, SourceId, WorkflowId},
    time::Timestamp,
};

use crate::{
    StoreError, TenantScope,
    column::id,
    entity::{message, workflow_sample},
    packed::unpack,
};

/// A message as it was when it was pinned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleRecord {
    /// Its id.
    pub message: MessageId,
    /// Where it came from.
    pub source: SourceId,
    /// When it was accepted.
    pub received_at: Timestamp,
    /// The provider's own name of the event.
    pub provider_event: Option<String>,
    /// The body, byte for byte.
    pub body: Vec<u8>,
}

/// What is copied of a message.
#[derive(FromQueryResult)]
struct Copied {
    source_id: String,
    received_at: i64,
    provider_event: Option<String>,
    body: Vec<u8>,
}

impl TenantScope<'_> {
    /// The message that is pinned to a workflow.
    ///
    /// # Errors
    /// When there is none.
    pub async fn workflow_sample(&self, workflow: WorkflowId) -> Result<SampleRecord, StoreError> {
        let query = workflow_sample::Entity::find_by_id(workflow.to_string())
            .filter(workflow_sample::Column::TenantId.eq(self.key()));
        let row = query.one(&self.reader()).await?.ok_or_else(|| StoreError::not_found("sample"))?;
        Ok(SampleRecord {
            message: id(&row.message_id, "workflow_samples.message_id")?,
            source: id(&row.source_id, "workflow_samples.source_id")?,
            received_at: Timestamp::from_micros(row.received_at),
            provider_event: row.provider_event,
            body: unpack(&row.body, "workflow_samples.body")?.into_owned(),
        })
    }

    /// Pins a message to a workflow, or takes away what is pinned. What is pinned already stays as it is, also when the log
    /// has it no more.
    pub(super) async fn pin(
        &self,
        txn: &DatabaseTransaction,
        workflow: WorkflowId,
        sample: Option<MessageId>,
    ) -> Result<(), StoreError> {
        let pinned = workflow_sample::Entity::find_by_id(workflow.to_string())
            .select_only()
            .column(workflow_sample::Column::MessageId)
            .into_tuple::<String>()
            .one(txn)
            .await?;
        if pinned == sample.map(|message| message.to_string()) {
            return Ok(());
        }
        workflow_sample::Entity::delete_by_id(workflow.to_string()).exec(txn).await?;
        let Some(message) = sample else { return Ok(()) };
        let copied = message::Entity::find_by_id(message.to_string())
            .select_only()
            .columns([
                message::Column::SourceId,
                message::Column::ReceivedAt,
                message::Column::ProviderEvent,
                message::Column::Body,
            ])
            .filter(message::Column::TenantId.eq(self.key()))
            .into_model::<Copied>()
            .one(txn)
            .await?
            .ok_or_else(|| StoreError::not_found("message"))?;
        let row = workflow_sample::Model {
            workflow_id: workflow.to_string(),
            tenant_id: self.key(),
            message_id: message.to_string(),
            source_id: copied.source_id,
            received_at: copied.received_at,
            provider_event: copied.provider_event,
            body: copied.body,
        };
        workflow_sample::Entity::insert(row.into_active_model()).exec_without_returning(txn).await?;
        Ok(())
    }
}
