//! Runs: how a workflow ended for a message. The ledger writes them.

mod log;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use tributary_domain::{
    id::{MessageId, ProfileId, SourceId, WorkflowId},
    time::Timestamp,
    workflow::status::{Reason, RunStatus},
};

pub use log::{RunFilter, RunPlace};

use crate::{
    StoreError, TenantScope,
    column::{id, json, number, optional_id},
    entity::run,
};

/// A run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRecord {
    /// Which workflow.
    pub workflow: WorkflowId,
    /// For which message.
    pub message: MessageId,
    /// Where that came from.
    pub source: SourceId,
    /// The message's place in the journal of its partition.
    pub seq: u64,
    /// Which version of the workflow; 0 when none was published.
    pub version: u32,
    /// How it ended.
    pub status: RunStatus,
    /// Why, where it made no events.
    pub reason: Option<Reason>,
    /// How many events it made.
    pub events: u32,
    /// Whose the first event is.
    pub profile: Option<ProfileId>,
    /// When it was applied.
    pub at: Timestamp,
}

impl TenantScope<'_> {
    /// The runs of a message by these workflows, which the message itself names, in their order.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn message_runs(
        &self,
        message: MessageId,
        workflows: &[WorkflowId],
    ) -> Result<Vec<RunRecord>, StoreError> {
        let query = run::Entity::find()
            .filter(run::Column::TenantId.eq(self.key()))
            .filter(run::Column::WorkflowId.is_in(workflows.iter().map(WorkflowId::to_string)))
            .filter(run::Column::MessageId.eq(message.to_string()));
        let rows = query.all(&self.reader()).await?;
        let mut runs = rows.into_iter().map(RunRecord::try_from).collect::<Result<Vec<_>, _>>()?;
        runs.sort_by_key(|run| workflows.iter().position(|workflow| *workflow == run.workflow));
        Ok(runs)
    }
}

impl TryFrom<run::Model> for RunRecord {
    type Error = StoreError;

    fn try_from(row: run::Model) -> Result<Self, StoreError> {
        Ok(Self {
            workflow: id(&row.workflow_id, "runs.workflow_id")?,
            message: id(&row.message_id, "runs.message_id")?,
            source: id(&row.source_id, "runs.source_id")?,
            seq: number(row.seq, "runs.seq")?,
            version: number(row.version, "runs.version")?,
            status: RunStatus::from_code(&row.status).ok_or_else(|| StoreError::corrupt("runs.status"))?,
            reason: row.reason.map(|reason| json(&reason, "runs.reason")).transpose()?,
            events: number(row.events, "runs.events")?,
            profile: optional_id(row.profile_id.as_deref(), "runs.profile_id")?,
            at: Timestamp::from_micros(row.at),
        })
    }
}
