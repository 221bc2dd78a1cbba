//! The workflow log, and what it can be searched for.

use std::{fmt, str::FromStr};

use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QuerySelect, Select};
use tributary_domain::{
    id::{MessageId, WorkflowId},
    workflow::status::RunStatus,
};

use super::RunRecord;
use crate::{
    Page, Paged, StoreError, TenantScope,
    column::optional_id,
    entity::run,
    search::{Log, Order, Search, Span, after, last_of, walk},
};

/// Which runs a workflow log has; what is not set does not matter.
#[derive(Debug, Clone)]
pub struct RunFilter {
    /// Those of this workflow.
    pub workflow: WorkflowId,
    /// And those of these.
    pub also: Vec<WorkflowId>,
    /// Those that ended so.
    pub status: Option<RunStatus>,
    /// Those that ended otherwise.
    pub not_status: Option<RunStatus>,
    /// What all logs can be searched for.
    pub search: Search,
}

/// The place of a run in the logs of workflows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunPlace {
    /// Its message.
    pub message: MessageId,
    /// Its workflow.
    pub workflow: WorkflowId,
}

impl fmt::Display for RunPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.message, self.workflow)
    }
}

impl FromStr for RunPlace {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (message, workflow) = text.split_once(' ').ok_or(())?;
        Ok(Self { message: message.parse().map_err(|_| ())?, workflow: workflow.parse().map_err(|_| ())? })
    }
}

impl RunFilter {
    /// All runs of a workflow.
    pub fn of(workflow: WorkflowId) -> Self {
        Self { workflow, also: Vec::new(), status: None, not_status: None, search: Search::default() }
    }

    fn workflows(&self) -> impl Iterator<Item = WorkflowId> {
        [self.workflow].into_iter().chain(self.also.iter().copied())
    }

    /// The rows of the workflows that lie in `span`.
    fn rows(&self, scope: &TenantScope<'_>, span: Span<RunPlace>) -> Select<run::Entity> {
        if self.also.is_empty() {
            return Self::rows_of(scope, self.workflow, span);
        }
        let query = run::Entity::find()
            .filter(run::Column::TenantId.eq(scope.key()))
            .filter(run::Column::WorkflowId.is_in(self.workflows().map(|workflow| workflow.to_string())));
        within(query, span)
    }

    /// The rows of one workflow that lie in `span`.
    fn rows_of(scope: &TenantScope<'_>, workflow: WorkflowId, span: Span<RunPlace>) -> Select<run::Entity> {
        let query = run::Entity::find()
            .filter(run::Column::TenantId.eq(scope.key()))
            .filter(run::Column::WorkflowId.eq(workflow.to_string()));
        within(query, span)
    }

    /// Those of them that fit, but for what is asked of their messages.
    fn fitting(&self, mut query: Select<run::Entity>) -> Select<run::Entity> {
        if let Some(status) = self.status {
            query = query.filter(run::Column::Status.eq(status.code()));
        }
        if let Some(status) = self.not_status {
            query = query.filter(run::Column::Status.ne(status.code()));
        }
        query
    }

    /// What `query` finds, in the order that is asked for: of those whose messages fit.
    async fn lines(
        &self,
        scope: &TenantScope<'_>,
        mut query: Select<run::Entity>,
        limit: u64,
    ) -> Result<Vec<RunRecord>, StoreError> {
        if !self.search.asks_for_messages() {
            query = query.limit(limit);
        }
        let order = self.search.order;
        let query = order.of(order.of(query, run::Column::MessageId), run::Column::WorkflowId);
        let rows = query.all(&scope.reader()).await?;
        let mut runs = rows.into_iter().map(RunRecord::try_from).collect::<Result<Vec<_>, _>>()?;
        scope.retain_fitting(&mut runs, |run: &RunRecord| run.message, &self.search).await?;
        Ok(runs)
    }
}

/// Only the rows that lie in `span`. A place has two parts: the first is what the key of the table is cut by.
fn within(query: Select<run::Entity>, span: Span<RunPlace>) -> Select<run::Entity> {
    let mut query = query;
    if let Some(from) = span.from {
        let later = run::Column::MessageId.gt(from.message.to_string());
        query = query
            .filter(run::Column::MessageId.gte(from.message.to_string()))
            .filter(Condition::any().add(later).add(run::Column::WorkflowId.gte(from.workflow.to_string())));
    }
    if let Some(before) = span.before {
        let earlier = run::Column::MessageId.lt(before.message.to_string());
        query = query.filter(run::Column::MessageId.lte(before.message.to_string())).filter(
            Condition::any().add(earlier).add(run::Column::WorkflowId.lt(before.workflow.to_string())),
        );
    }
    query
}

impl Log for RunFilter {
    type Key = RunPlace;
    type Record = RunRecord;

    fn place(message: MessageId) -> RunPlace {
        RunPlace { message, workflow: WorkflowId::from_bits(0) }
    }

    fn message(key: RunPlace) -> MessageId {
        key.message
    }

    fn key(record: &RunRecord) -> RunPlace {
        RunPlace { message: record.message, workflow: record.workflow }
    }

    fn is_plain(&self) -> bool {
        self.status.is_none() && self.not_status.is_none() && !self.search.asks_for_messages()
    }

    fn search(&self) -> &Search {
        &self.search
    }

    fn is_scattered(&self) -> bool {
        !self.also.is_empty()
    }

    async fn last_of(
        &self,
        scope: &TenantScope<'_>,
        span: Span<RunPlace>,
        rows: u32,
    ) -> Result<Option<RunPlace>, StoreError> {
        let order = self.search.order;
        let parts = self.workflows().map(|workflow| Self::rows_of(scope, workflow, span)).collect();
        let last = last_of(scope, parts, run::Column::MessageId, order, rows).await?;
        let last: Option<MessageId> = optional_id(last.as_deref(), "runs.message_id")?;
        // With all runs of that message, so that there is always one before the place.
        Ok(last.map(|last| match order {
            Order::NewestFirst => Self::place(last),
            Order::OldestFirst if self.also.is_empty() => Self::place(last),
            Order::OldestFirst => Self::place(after(last)),
        }))
    }

    async fn entries(
        &self,
        scope: &TenantScope<'_>,
        span: Span<RunPlace>,
        limit: u64,
    ) -> Result<Vec<RunRecord>, StoreError> {
        self.lines(scope, self.fitting(self.rows(scope, span)), limit).await
    }

    async fn messages(
        &self,
        scope: &TenantScope<'_>,
        span: Span<MessageId>,
        limit: u32,
    ) -> Result<(Vec<MessageId>, bool), StoreError> {
        let workflow = Some(self.workflow).filter(|_| self.also.is_empty());
        scope.messages_of(&self.search, workflow, span, limit).await
    }

    async fn entries_of(
        &self,
        scope: &TenantScope<'_>,
        messages: &[MessageId],
    ) -> Result<Vec<RunRecord>, StoreError> {
        let these = run::Column::MessageId.is_in(messages.iter().map(MessageId::to_string));
        let rows = self.rows(scope, Span { from: None, before: None }).filter(these);
        let most = messages.len() * (1 + self.also.len());
        self.lines(scope, self.fitting(rows), most as u64).await
    }
}

impl TenantScope<'_> {
    /// The runs of workflows that fit, in the order of their messages that is asked for. The page can end before it is full:
    /// see [`crate::search`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn runs(
        &self,
        filter: &RunFilter,
        page: Page<RunPlace>,
    ) -> Result<Paged<RunRecord, RunPlace>, StoreError> {
        walk(self, filter, page).await
    }
}
