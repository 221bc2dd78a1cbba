//! The event manager's list, and what it can be searched for.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect, Select};
use tributary_domain::{
    id::{EventId, MessageId, ProfileId, SourceId, WorkflowId},
    workflow::spec::Kind,
};

use super::{EventRecord, kind_code};
use crate::{
    LARGEST_PAGE, Page, Paged, StoreError, TenantScope,
    column::optional_id,
    entity::event,
    search::{Log, Search, Span, last_of, walk},
};

/// More events than that has no message: as many as its workflows can make.
const MOST_OF_A_MESSAGE: u64 = LARGEST_PAGE as u64;

/// Which events a list has; what is not set does not matter.
#[derive(Debug, Clone, Default)]
pub struct EventFilter {
    /// Those of this name.
    pub name: Option<String>,
    /// Those of this kind.
    pub kind: Option<Kind>,
    /// Those that were made of messages of this source.
    pub source: Option<SourceId>,
    /// Those that this workflow made.
    pub workflow: Option<WorkflowId>,
    /// What all logs can be searched for; its owners are the profiles that the events were written for.
    pub search: Search,
}

impl EventFilter {
    /// The rows of the tenant.
    fn rows(scope: &TenantScope<'_>) -> Select<event::Entity> {
        event::Entity::find().filter(event::Column::TenantId.eq(scope.key()))
    }

    /// Those of them that fit, but for what is asked of their messages.
    fn fitting(&self, scope: &TenantScope<'_>) -> Select<event::Entity> {
        let mut query = Self::rows(scope);
        if let Some(name) = &self.name {
            query = query.filter(event::Column::Name.eq(name.as_str()));
        }
        if let Some(kind) = self.kind {
            query = query.filter(event::Column::Kind.eq(kind_code(kind)));
        }
        if let Some(source) = self.source {
            query = query.filter(event::Column::SourceId.eq(source.to_string()));
        }
        if let Some(workflow) = self.workflow {
            query = query.filter(event::Column::WorkflowId.eq(workflow.to_string()));
        }
        if let Some(owners) = &self.search.owners {
            query = query.filter(event::Column::ProfileId.is_in(owners.iter().map(ProfileId::to_string)));
        }
        query
    }

    /// What `query` finds, in the order that is asked for: of those whose messages fit.
    async fn lines(
        &self,
        scope: &TenantScope<'_>,
        mut query: Select<event::Entity>,
        limit: u64,
    ) -> Result<Vec<EventRecord>, StoreError> {
        if !self.search.asks_for_messages() {
            query = query.limit(limit);
        }
        let query = self.search.order.of(query, event::Column::Id);
        let rows = query.all(&scope.reader()).await?;
        let mut found = rows.into_iter().map(EventRecord::try_from).collect::<Result<Vec<_>, _>>()?;
        scope.retain_fitting(&mut found, |found: &EventRecord| found.id.message(), &self.search).await?;
        Ok(found)
    }
}

impl Log for EventFilter {
    type Key = EventId;
    type Record = EventRecord;

    fn place(message: MessageId) -> EventId {
        EventId::range(message).0
    }

    fn message(key: EventId) -> MessageId {
        key.message()
    }

    fn key(record: &EventRecord) -> EventId {
        record.id
    }

    fn is_plain(&self) -> bool {
        self.name.is_none()
            && self.kind.is_none()
            && self.source.is_none()
            && self.workflow.is_none()
            && !self.search.asks_for_messages()
    }

    fn search(&self) -> &Search {
        &self.search
    }

    async fn last_of(
        &self,
        scope: &TenantScope<'_>,
        span: Span<EventId>,
        rows: u32,
    ) -> Result<Option<EventId>, StoreError> {
        let part = span.of(Self::rows(scope), event::Column::Id);
        let last = last_of(scope, vec![part], event::Column::Id, self.search.order, rows).await?;
        optional_id(last.as_deref(), "events.id")
    }

    async fn entries(
        &self,
        scope: &TenantScope<'_>,
        span: Span<EventId>,
        limit: u64,
    ) -> Result<Vec<EventRecord>, StoreError> {
        self.lines(scope, span.of(self.fitting(scope), event::Column::Id), limit).await
    }

    async fn messages(
        &self,
        scope: &TenantScope<'_>,
        span: Span<MessageId>,
        limit: u32,
    ) -> Result<(Vec<MessageId>, bool), StoreError> {
        scope.messages_of(&self.search, self.workflow, span, limit).await
    }

    async fn entries_of(
        &self,
        scope: &TenantScope<'_>,
        messages: &[MessageId],
    ) -> Result<Vec<EventRecord>, StoreError> {
        // One look-up after the other: for several ranges of keys at once, SQLite reads all of the tenant's events.
        let mut found = Vec::new();
        for message in messages {
            let (low, high) = EventId::range(*message);
            let these = event::Column::Id.between(low.to_string(), high.to_string());
            found.extend(self.lines(scope, self.fitting(scope).filter(these), MOST_OF_A_MESSAGE).await?);
        }
        Ok(found)
    }
}

impl TenantScope<'_> {
    /// The tenant's events that fit, in the order that is asked for. The page can end before it is full: see [`crate::search`].
    /// Events of a name that was never counted are not looked for.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn events(
        &self,
        filter: &EventFilter,
        page: Page<EventId>,
    ) -> Result<Paged<EventRecord, EventId>, StoreError> {
        if let Some(name) = &filter.name
            && !self.has_events_of(name).await?
        {
            return Ok(Paged { items: Vec::new(), next: None });
        }
        walk(self, filter, page).await
    }
}
