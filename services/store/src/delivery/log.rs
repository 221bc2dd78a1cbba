//! The log of deliveries, and what it can be searched for.

use sea_orm::{
    ColumnTrait, Condition, EntityTrait, ExprTrait, QueryFilter, QuerySelect, Select,
    sea_query::{Expr, Query, SelectStatement},
};
use serde::{Deserialize, Serialize};
use tributary_domain::id::{DeliveryId, DestinationId, MessageId, ProfileId, SourceId, WorkflowId};

use super::{DeliveryRecord, DeliveryState};
use crate::{
    LARGEST_PAGE, Page, Paged, StoreError, TenantScope,
    column::optional_id,
    entity::{delivery, event},
    search::{Log, Search, Span, last_of, walk},
};

/// More deliveries than that has no message.
const MOST_OF_A_MESSAGE: u64 = LARGEST_PAGE as u64;

/// Which deliveries a list has; what is not set does not matter.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct DeliveryFilter {
    /// Those for this destination.
    pub destination: Option<DestinationId>,
    /// Those that are this far.
    pub state: Option<DeliveryState>,
    /// Those that are not.
    pub not_state: Option<DeliveryState>,
    /// Those whose events were made of messages of this source.
    pub source: Option<SourceId>,
    /// Those whose events this workflow made.
    pub workflow: Option<WorkflowId>,
    /// Those that were not taken by this word.
    #[serde(default)]
    pub error_code: Option<String>,
    /// Those that were given up by a word that means something milder now; one of these.
    #[serde(default)]
    pub milder: Option<Vec<Milder>>,
    /// What all logs can be searched for.
    pub search: Search,
}

/// Words of a platform that mean for one verdict less than they did.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Milder {
    /// The destinations on this platform.
    pub destinations: Vec<DestinationId>,
    /// What the words meant when they were heard.
    pub verdict: String,
    /// The words; each also stands for those that begin with it and a slash.
    pub codes: Vec<String>,
    /// Those that mean it still, and are none of them.
    pub but: Vec<String>,
}

impl Milder {
    fn condition(&self) -> Condition {
        let code = || Expr::col((delivery::Entity, delivery::Column::ErrorCode));
        // The character after the slash is a nought, in the order of bytes.
        let within = |family: &String| code().gte(format!("{family}/")).and(code().lt(format!("{family}0")));
        let named = self.codes.iter().fold(Condition::any(), |any, family| any.add(within(family)));
        Condition::all()
            .add(delivery::Column::State.eq(DeliveryState::Failed.code()))
            .add(
                delivery::Column::DestinationId.is_in(self.destinations.iter().map(DestinationId::to_string)),
            )
            .add(delivery::Column::ErrorVerdict.eq(self.verdict.as_str()))
            .add(delivery::Column::ErrorCode.is_not_in(self.but.iter().map(String::as_str)))
            .add(named.add(delivery::Column::ErrorCode.is_in(self.codes.iter().map(String::as_str))))
    }
}

impl DeliveryFilter {
    /// The rows of the tenant.
    fn rows(scope: &TenantScope<'_>) -> Select<delivery::Entity> {
        delivery::Entity::find().filter(delivery::Column::TenantId.eq(scope.key()))
    }

    /// Those of them that fit, but for what is asked of their messages.
    fn fitting(&self, scope: &TenantScope<'_>) -> Select<delivery::Entity> {
        let mut query = Self::rows(scope);
        if let Some(destination) = self.destination {
            query = query.filter(delivery::Column::DestinationId.eq(destination.to_string()));
        }
        if let Some(state) = self.state {
            query = query.filter(delivery::Column::State.eq(state.code()));
        }
        if let Some(state) = self.not_state {
            query = query.filter(delivery::Column::State.ne(state.code()));
        }
        if let Some(code) = &self.error_code {
            query = query.filter(delivery::Column::ErrorCode.eq(code.as_str()));
        }
        if let Some(milder) = &self.milder {
            let any = milder.iter().fold(Condition::any(), |any, one| any.add(one.condition()));
            // With no words at all there is nothing that is milder.
            query = query.filter(if milder.is_empty() { any.add(Expr::val(1).eq(0)) } else { any });
        }
        match self.of_events() {
            Some(wanted) => query.filter(Expr::exists(events_where(wanted))),
            None => query,
        }
    }

    /// What is asked of the events; nothing when it is nothing.
    fn of_events(&self) -> Option<Condition> {
        let owners = self.search.owners.as_deref();
        if self.source.is_none() && self.workflow.is_none() && owners.is_none() {
            return None;
        }
        let mut wanted = Condition::all();
        if let Some(source) = self.source {
            wanted = wanted.add(event::Column::SourceId.eq(source.to_string()));
        }
        if let Some(workflow) = self.workflow {
            wanted = wanted.add(event::Column::WorkflowId.eq(workflow.to_string()));
        }
        if let Some(owners) = owners {
            wanted = wanted.add(event::Column::ProfileId.is_in(owners.iter().map(ProfileId::to_string)));
        }
        Some(wanted)
    }

    /// What `query` finds, in the order that is asked for: of those whose messages fit.
    async fn lines(
        &self,
        scope: &TenantScope<'_>,
        mut query: Select<delivery::Entity>,
        limit: u64,
    ) -> Result<Vec<DeliveryRecord>, StoreError> {
        if !self.search.asks_for_messages() {
            query = query.limit(limit);
        }
        let query = self.search.order.of(query, delivery::Column::Id);
        let rows = query.all(&scope.reader()).await?;
        let mut found = rows.into_iter().map(DeliveryRecord::try_from).collect::<Result<Vec<_>, _>>()?;
        scope.retain_fitting(&mut found, |found: &DeliveryRecord| found.id.message(), &self.search).await?;
        Ok(found)
    }
}

/// The event of a delivery, if it is one of those that are wanted: looked up by its key, delivery by delivery.
fn events_where(wanted: Condition) -> SelectStatement {
    let same_tenant = Expr::col((event::Entity, event::Column::TenantId))
        .equals((delivery::Entity, delivery::Column::TenantId));
    let same_event =
        Expr::col((event::Entity, event::Column::Id)).equals((delivery::Entity, delivery::Column::EventId));
    Query::select()
        .expr(Expr::val(1))
        .from(event::Entity)
        .and_where(same_tenant)
        .and_where(same_event)
        .cond_where(wanted)
        .take()
}

impl Log for DeliveryFilter {
    type Key = DeliveryId;
    type Record = DeliveryRecord;

    fn place(message: MessageId) -> DeliveryId {
        DeliveryId::range(message).0
    }

    fn message(key: DeliveryId) -> MessageId {
        key.message()
    }

    fn key(record: &DeliveryRecord) -> DeliveryId {
        record.id
    }

    fn is_plain(&self) -> bool {
        self.destination.is_none()
            && self.state.is_none()
            && self.not_state.is_none()
            && self.error_code.is_none()
            && self.milder.is_none()
            && self.of_events().is_none()
            && !self.search.asks_for_messages()
    }

    fn search(&self) -> &Search {
        &self.search
    }

    async fn last_of(
        &self,
        scope: &TenantScope<'_>,
        span: Span<DeliveryId>,
        rows: u32,
    ) -> Result<Option<DeliveryId>, StoreError> {
        let part = span.of(Self::rows(scope), delivery::Column::Id);
        let last = last_of(scope, vec![part], delivery::Column::Id, self.search.order, rows).await?;
        optional_id(last.as_deref(), "deliveries.id")
    }

    async fn entries(
        &self,
        scope: &TenantScope<'_>,
        span: Span<DeliveryId>,
        limit: u64,
    ) -> Result<Vec<DeliveryRecord>, StoreError> {
        self.lines(scope, span.of(self.fitting(scope), delivery::Column::Id), limit).await
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
    ) -> Result<Vec<DeliveryRecord>, StoreError> {
        // One look-up after the other: for several ranges of keys at once, SQLite reads all of the tenant's deliveries.
        let mut found = Vec::new();
        for message in messages {
            let (low, high) = DeliveryId::range(*message);
            let these = delivery::Column::Id.between(low.to_string(), high.to_string());
            found.extend(self.lines(scope, self.fitting(scope).filter(these), MOST_OF_A_MESSAGE).await?);
        }
        Ok(found)
    }
}

impl TenantScope<'_> {
    /// The tenant's deliveries that fit, in the order that is asked for. The page can end before it is full: see
    /// [`crate::search`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn deliveries(
        &self,
        filter: &DeliveryFilter,
        page: Page<DeliveryId>,
    ) -> Result<Paged<DeliveryRecord, DeliveryId>, StoreError> {
        walk(self, filter, page).await
    }
}
