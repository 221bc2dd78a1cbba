//! The workflow log, and what it can be searched for.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};
use tributary_domain::{
    id::{MessageId, WorkflowId},
    workflow::status::RunStatus,
};

use super::RunRecord;
use crate::{
    Page, Paged, StoreError, TenantScope,
    column::optional_id,
    entity::run,
    search::{Log, Search, Span, walk},
};

/// Which runs a workflow log has; what is not set does not matter.
#[derive(Debug, Clone)]
pub struct RunFilter {
    /// Those of this workflow.
    pub workflow: WorkflowId,
    /// Those that ended so.
    pub status: Option<RunStatus>,
    /// Those that ended otherwise.
    pub not_status: Option<RunStatus>,
    /// What all logs can be searched for.
    pub search: Search,
}

impl RunFilter {
    /// All runs of a workflow.
    pub fn of(workflow: WorkflowId) -> Self {
        Self { workflow, status: None, not_status: None, search: Search::default() }
    }

    /// The rows of the workflow.
    fn rows(&self, scope: &TenantScope<'_>) -> Select<run::Entity> {
        run::Entity::find()
            .filter(run::Column::TenantId.eq(scope.key()))
            .filter(run::Column::WorkflowId.eq(self.workflow.to_string()))
    }

    /// Those of them that fit, but for what is asked of their messages.
    fn fitting(&self, scope: &TenantScope<'_>) -> Select<run::Entity> {
        let mut query = self.rows(scope);
        if let Some(status) = self.status {
            query = query.filter(run::Column::Status.eq(status.code()));
        }
        if let Some(status) = self.not_status {
            query = query.filter(run::Column::Status.ne(status.code()));
        }
        query
    }

    /// What `query` finds, newest first: of those whose messages fit.
    async fn lines(
        &self,
        scope: &TenantScope<'_>,
        mut query: Select<run::Entity>,
        limit: u64,
    ) -> Result<Vec<RunRecord>, StoreError> {
        if !self.search.asks_for_messages() {
            query = query.limit(limit);
        }
        let rows = query.order_by_desc(run::Column::MessageId).all(&scope.reader()).await?;
        let mut runs = rows.into_iter().map(RunRecord::try_from).collect::<Result<Vec<_>, _>>()?;
        scope.retain_fitting(&mut runs, |run: &RunRecord| run.message, &self.search).await?;
        Ok(runs)
    }
}

impl Log for RunFilter {
    type Key = MessageId;
    type Record = RunRecord;

    fn place(message: MessageId) -> MessageId {
        message
    }

    fn beyond(key: MessageId) -> MessageId {
        key
    }

    fn key(record: &RunRecord) -> MessageId {
        record.message
    }

    fn is_plain(&self) -> bool {
        self.status.is_none() && self.not_status.is_none() && !self.search.asks_for_messages()
    }

    async fn last_of(
        &self,
        scope: &TenantScope<'_>,
        span: Span<MessageId>,
        rows: u32,
    ) -> Result<Option<MessageId>, StoreError> {
        let query = span.last_of(self.rows(scope), run::Column::MessageId, rows);
        let last: Option<String> = query.into_tuple().one(&scope.reader()).await?;
        optional_id(last.as_deref(), "runs.message_id")
    }

    async fn entries(
        &self,
        scope: &TenantScope<'_>,
        span: Span<MessageId>,
        limit: u64,
    ) -> Result<Vec<RunRecord>, StoreError> {
        self.lines(scope, span.of(self.fitting(scope), run::Column::MessageId), limit).await
    }

    async fn messages(
        &self,
        scope: &TenantScope<'_>,
        span: Span<MessageId>,
        limit: u32,
    ) -> Result<(Vec<MessageId>, bool), StoreError> {
        let owners = self.search.owners.as_deref().unwrap_or_default();
        scope.messages_of(owners, Some(self.workflow), span, limit).await
    }

    async fn entries_of(
        &self,
        scope: &TenantScope<'_>,
        messages: &[MessageId],
    ) -> Result<Vec<RunRecord>, StoreError> {
        let these = run::Column::MessageId.is_in(messages.iter().map(MessageId::to_string));
        self.lines(scope, self.fitting(scope).filter(these), messages.len() as u64).await
    }
}

impl TenantScope<'_> {
    /// The runs of a workflow that fit, newest message first. The page can end before it is full: see [`crate::search`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn runs(
        &self,
        filter: &RunFilter,
        page: Page<MessageId>,
    ) -> Result<Paged<RunRecord, MessageId>, StoreError> {
        walk(self, filter, &filter.search, page).await
    }
}
