//! Searching the logs of a tenant, newest or oldest first.
//!
//! A log costs a page of the database for every index it has and every message that comes, so the logs have the keys
//! that they are written by and no index more. What is searched for is found with those:
//!
//! * Ids begin with the time of acceptance: a range of time is a range of keys, and one message is a range of one.
//! * A person's entries are found through `events`, which is indexed by profile for the event manager: an identifier
//!   leads to its owner (`identifier_keys`), the owner to its events, and an event's id names its message.
//! * Everything else (a status, a cluid of messages without events, text in bodies, which are packed) is looked for row
//!   by row, in steps of a bounded number of rows. A page ends when its time is over, and says where the next one goes
//!   on; so it can have few entries, or none, and there can still be more. Each step is a query of its own: none is
//!   open for long, which would keep SQLite from shortening its write-ahead log, and writers are never waited for.

mod order;
mod text;
mod walk;

use std::{collections::HashSet, time::Duration};

use futures::TryStreamExt;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect, Select};
use serde::{Deserialize, Serialize};
use tributary_domain::{
    id::{EventId, MessageId, ProfileId, WorkflowId},
    identity::IdentifierType,
};

pub use order::Order;
pub use text::TextPattern;
pub(crate) use text::ways;
pub(crate) use walk::{Log, Span, after, last_of, walk};

use crate::{
    StoreError, TenantScope,
    column::id,
    entity::{event, message},
    packed::unpack,
    retention::REMOVED,
};

/// Which entries of a log, whichever it is; what is not set does not matter.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Search {
    /// Entries of this message and later ones.
    pub from: Option<MessageId>,
    /// Entries of earlier messages than this one.
    pub before: Option<MessageId>,
    /// Entries that made events, or are about events, of one of these profiles.
    pub owners: Option<Vec<ProfileId>>,
    /// Entries of messages that came with this cluid.
    pub cluid: Option<String>,
    /// Entries of messages whose bodies contain all of these texts.
    pub texts: Vec<TextPattern>,
    /// In which order.
    #[serde(skip)]
    pub order: Order,
    /// How far a page looks.
    #[serde(skip)]
    pub pace: Pace,
}

/// How far a page looks when it has to look at row after row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// How many rows are looked at in one step, at most.
    pub rows: u32,
    /// How many whose bodies have to be unpacked.
    pub bodies: u32,
    /// No step begins later than so long after the page began.
    pub time: Duration,
    /// The same, where bodies have to be unpacked.
    pub bodies_time: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            rows: 2_048,
            bodies: 512,
            time: Duration::from_millis(20),
            bodies_time: Duration::from_millis(200),
        }
    }
}

impl Search {
    /// The same, of this message only.
    #[must_use]
    pub fn within(self, message: MessageId) -> Self {
        Self {
            from: self.from.max(Some(message)),
            before: self.before.into_iter().chain([after(message)]).min(),
            ..self
        }
    }

    /// Whether it asks for something of the messages that stands in no other log.
    pub(crate) fn asks_for_messages(&self) -> bool {
        self.cluid.is_some() || !self.texts.is_empty()
    }
}

impl TenantScope<'_> {
    /// The profiles under which the events of an identifier's owner are found: the live one and all that were merged into
    /// it; none when nobody owns it. `value` is the normalised one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn owners(&self, kind: &IdentifierType, value: &str) -> Result<Vec<ProfileId>, StoreError> {
        let Some(owner) = self.profile_by_identifier(kind, value).await? else { return Ok(Vec::new()) };
        let mut owners = self.aliases(owner).await?;
        owners.push(owner);
        Ok(owners)
    }

    /// The messages of the first `limit` events in `span` of the owners that are searched for (and of `workflow`, if one is
    /// named), in the order that is asked for; and whether there can be more beyond the last of them.
    pub(crate) async fn messages_of(
        &self,
        search: &Search,
        workflow: Option<WorkflowId>,
        span: Span<MessageId>,
        limit: u32,
    ) -> Result<(Vec<MessageId>, bool), StoreError> {
        let (limit, order) = (limit as usize, search.order);
        let (mut found, mut is_cut) = (Vec::new(), false);
        for owner in search.owners.iter().flatten() {
            let mut query = event::Entity::find()
                .select_only()
                .column(event::Column::Id)
                .filter(event::Column::TenantId.eq(self.key()))
                .filter(event::Column::ProfileId.eq(owner.to_string()));
            if let Some(workflow) = workflow {
                query = query.filter(event::Column::WorkflowId.eq(workflow.to_string()));
            }
            let query = span.map(|message| EventId::range(message).0).of(query, event::Column::Id);
            let query = order.of(query, event::Column::Id).limit(limit as u64);
            let events: Vec<String> = query.into_tuple().all(&self.reader()).await?;
            is_cut |= events.len() == limit;
            for text in &events {
                found.push(id::<EventId>(text, "events.id")?.message());
            }
        }
        order.sort(&mut found);
        // Beyond the last of an owner's events that were read there can be others, which come after some of another owner's:
        // the first are all there.
        is_cut |= found.len() > limit;
        found.truncate(limit);
        found.dedup();
        Ok((found, is_cut))
    }

    /// Those of `messages` that came with the cluid and contain the texts that are searched for.
    async fn messages_that_fit(
        &self,
        messages: HashSet<MessageId>,
        search: &Search,
    ) -> Result<HashSet<MessageId>, StoreError> {
        let mut query = message::Entity::find()
            .filter(message::Column::TenantId.eq(self.key()))
            .filter(message::Column::Id.is_in(messages.iter().map(MessageId::to_string)));
        if let Some(cluid) = &search.cluid {
            query = query.filter(message::Column::Cluid.eq(cluid.as_str()));
        }
        Ok(self.messages_with(query, &search.texts).await?.into_iter().collect())
    }

    /// Keeps only those of `found` whose messages came with the cluid and contain the texts that are searched for.
    pub(crate) async fn retain_fitting<T>(
        &self,
        found: &mut Vec<T>,
        message: impl Fn(&T) -> MessageId,
        search: &Search,
    ) -> Result<(), StoreError> {
        if search.asks_for_messages() && !found.is_empty() {
            let fitting = self.messages_that_fit(found.iter().map(&message).collect(), search).await?;
            found.retain(|found| fitting.contains(&message(found)));
        }
        Ok(())
    }

    /// The messages of a query whose bodies contain all of `texts`, in the query's order. Bodies are read one after the
    /// other: they can be large.
    pub(crate) async fn messages_with(
        &self,
        query: Select<message::Entity>,
        texts: &[TextPattern],
    ) -> Result<Vec<MessageId>, StoreError> {
        let query = query.select_only().column(message::Column::Id);
        let mut found = Vec::new();
        if texts.is_empty() {
            for text in query.into_tuple::<String>().all(&self.reader()).await? {
                found.push(id(&text, "messages.id")?);
            }
            return Ok(found);
        }
        // Where it was removed, there is nothing to look through.
        let query = query.filter(message::Column::Headers.ne(REMOVED));
        let query = query.column(message::Column::Body).into_tuple::<(String, Vec<u8>)>();
        let txn = self.read_txn().await?;
        let mut rows = query.stream(&txn).await?;
        while let Some((message, body)) = rows.try_next().await? {
            let body = unpack(&body, "messages.body")?;
            if texts.iter().all(|text| text.is_in(&body)) {
                found.push(id(&message, "messages.id")?);
            }
        }
        Ok(found)
    }
}
