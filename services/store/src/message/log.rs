//! The source log, and what it can be searched for.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect, Select};
use serde::{Deserialize, Serialize};
use tributary_domain::{
    id::{MessageId, SourceId, WorkflowId},
    workflow::status::RunStatus,
};

use super::{CluidStatus, MessageRun, MessageSummary, SUMMARY, SummaryRow};
use crate::{
    Page, Paged, StoreError, TenantScope,
    column::optional_id,
    entity::message,
    search::{Log, Search, Span, last_of, walk},
};

/// Which messages a source log has; what is not set does not matter.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MessageFilter {
    /// Those of this source.
    pub source: SourceId,
    /// And those of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<SourceId>,
    /// Those that became this, by the codes of [`crate::ledger::Fate`].
    pub fate: Option<String>,
    /// Those that became something else.
    pub not_fate: Option<String>,
    /// Those that their provider calls so.
    pub provider_event: Option<String>,
    /// Those in which this was found where the cluid should be.
    pub cluid_status: Option<CluidStatus>,
    /// Those that are tests, or those that are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_test: Option<bool>,
    /// Those of which a run was like this.
    #[serde(default)]
    pub run: RunOf,
    /// What all logs can be searched for.
    pub search: Search,
}

/// What a run of a message is like; what is not set does not matter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunOf {
    /// It is of this workflow.
    pub workflow: Option<WorkflowId>,
    /// It ended so.
    pub status: Option<RunStatus>,
    /// It ended otherwise.
    pub not_status: Option<RunStatus>,
}

impl RunOf {
    /// Whether it is any run, and none.
    pub fn is_any(self) -> bool {
        self == Self::default()
    }

    /// Whether one of `runs` is like it.
    pub fn is_in(self, runs: &[MessageRun]) -> bool {
        runs.iter().any(|run| {
            self.workflow.is_none_or(|workflow| workflow == run.workflow)
                && self.status.is_none_or(|status| status == run.status)
                && self.not_status != Some(run.status)
        })
    }
}

impl MessageFilter {
    /// All messages of a source.
    pub fn of(source: SourceId) -> Self {
        Self {
            source,
            also: Vec::new(),
            fate: None,
            not_fate: None,
            provider_event: None,
            cluid_status: None,
            is_test: None,
            run: RunOf::default(),
            search: Search::default(),
        }
    }

    /// The rows of the sources.
    fn rows(&self, scope: &TenantScope<'_>) -> Select<message::Entity> {
        if self.also.is_empty() {
            return Self::rows_of(scope, self.source);
        }
        let sources = self.sources().map(|source| source.to_string());
        message::Entity::find()
            .filter(message::Column::TenantId.eq(scope.key()))
            .filter(message::Column::SourceId.is_in(sources))
    }

    fn rows_of(scope: &TenantScope<'_>, source: SourceId) -> Select<message::Entity> {
        message::Entity::find()
            .filter(message::Column::TenantId.eq(scope.key()))
            .filter(message::Column::SourceId.eq(source.to_string()))
    }

    fn sources(&self) -> impl Iterator<Item = SourceId> {
        [self.source].into_iter().chain(self.also.iter().copied())
    }

    /// Those of the time that is searched that fit, but for texts, people and runs.
    pub(crate) fn within(&self, scope: &TenantScope<'_>) -> Select<message::Entity> {
        let span = Span { from: self.search.from, before: self.search.before };
        span.of(self.fitting(scope), message::Column::Id)
    }

    /// Those of them that fit, but for the texts.
    fn fitting(&self, scope: &TenantScope<'_>) -> Select<message::Entity> {
        let mut query = self.rows(scope);
        if let Some(fate) = self.fate.as_deref() {
            query = query.filter(message::Column::Fate.eq(fate));
        }
        if let Some(fate) = self.not_fate.as_deref() {
            query = query.filter(message::Column::Fate.ne(fate));
        }
        if let Some(event) = &self.provider_event {
            query = query.filter(message::Column::ProviderEvent.eq(event.as_str()));
        }
        if let Some(status) = self.cluid_status {
            query = query.filter(message::Column::CluidStatus.eq(status.code()));
        }
        if let Some(is_test) = self.is_test {
            let mark = message::Column::IsTest;
            query = query.filter(if is_test { mark.is_not_null() } else { mark.is_null() });
        }
        if let Some(cluid) = &self.search.cluid {
            query = query.filter(message::Column::Cluid.eq(cluid.as_str()));
        }
        query
    }

    /// The lines of what `query` finds, in the order that is asked for: of all that fit the texts.
    async fn lines(
        &self,
        scope: &TenantScope<'_>,
        query: Select<message::Entity>,
        limit: u64,
    ) -> Result<Vec<MessageSummary>, StoreError> {
        let query = if self.search.texts.is_empty() {
            // Runs are told apart below: all of the part is looked at.
            if self.run.is_any() { query.limit(limit) } else { query }
        } else {
            let found = scope.messages_with(query, &self.search.texts).await?;
            if found.is_empty() {
                return Ok(Vec::new());
            }
            self.rows(scope).filter(message::Column::Id.is_in(found.iter().map(MessageId::to_string)))
        };
        let query = self.search.order.of(query.select_only().columns(SUMMARY), message::Column::Id);
        let rows = query.into_model::<SummaryRow>().all(&scope.reader()).await?;
        let mut found = rows.into_iter().map(MessageSummary::try_from).collect::<Result<Vec<_>, _>>()?;
        if !self.run.is_any() {
            found.retain(|message| self.run.is_in(&message.runs));
        }
        Ok(found)
    }
}

impl Log for MessageFilter {
    type Key = MessageId;
    type Record = MessageSummary;

    fn place(message: MessageId) -> MessageId {
        message
    }

    fn message(key: MessageId) -> MessageId {
        key
    }

    fn key(record: &MessageSummary) -> MessageId {
        record.id
    }

    fn is_plain(&self) -> bool {
        self.fate.is_none()
            && self.not_fate.is_none()
            && self.provider_event.is_none()
            && self.cluid_status.is_none()
            && self.is_test.is_none()
            && self.run.is_any()
            && !self.search.asks_for_messages()
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
        span: Span<MessageId>,
        rows: u32,
    ) -> Result<Option<MessageId>, StoreError> {
        let part = |source| span.of(Self::rows_of(scope, source), message::Column::Id);
        let parts = self.sources().map(part).collect();
        let last = last_of(scope, parts, message::Column::Id, self.search.order, rows).await?;
        optional_id(last.as_deref(), "messages.id")
    }

    async fn entries(
        &self,
        scope: &TenantScope<'_>,
        span: Span<MessageId>,
        limit: u64,
    ) -> Result<Vec<MessageSummary>, StoreError> {
        let query = span.of(self.fitting(scope), message::Column::Id);
        self.lines(scope, query, limit).await
    }

    async fn messages(
        &self,
        scope: &TenantScope<'_>,
        span: Span<MessageId>,
        limit: u32,
    ) -> Result<(Vec<MessageId>, bool), StoreError> {
        scope.messages_of(&self.search, None, span, limit).await
    }

    async fn entries_of(
        &self,
        scope: &TenantScope<'_>,
        messages: &[MessageId],
    ) -> Result<Vec<MessageSummary>, StoreError> {
        let these = message::Column::Id.is_in(messages.iter().map(MessageId::to_string));
        self.lines(scope, self.fitting(scope).filter(these), messages.len() as u64).await
    }
}

impl TenantScope<'_> {
    /// The messages of sources that fit, in the order that is asked for. The page can end before it is full: see [`crate::search`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn messages(
        &self,
        filter: &MessageFilter,
        page: Page<MessageId>,
    ) -> Result<Paged<MessageSummary, MessageId>, StoreError> {
        walk(self, filter, page).await
    }
}
