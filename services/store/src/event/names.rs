//! How many events of each name there were, and which traits were set: counted by the ledger, so that nobody has to look
//! through the events. They are of all events that were ever made, also of those that are not kept any more.

use std::{fmt, str::FromStr};

use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect,
    Statement, Value,
};
use tributary_domain::{id::SourceId, time::Timestamp, workflow::spec::Kind};

use super::{kind_code, kind_of};
use crate::{
    Page, Paged, StoreError, TenantScope,
    column::number,
    entity::{event_count, trait_name},
};

/// How many events of a name there were.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventNameRecord {
    /// The name and the kind of the events.
    pub key: EventNameKey,
    /// How many.
    pub events: u64,
    /// When the first message with such an event was accepted.
    pub first_at: Timestamp,
    /// When the last one was.
    pub last_at: Timestamp,
}

/// A name of events with their kind: what they are counted by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventNameKey {
    /// The name; empty for identify and group events.
    pub name: String,
    /// The kind.
    pub kind: Kind,
}

impl fmt::Display for EventNameKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", kind_code(self.kind), self.name)
    }
}

/// A text that is no name with its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a kind and a name such as TRACK:Schedule")]
pub struct InvalidEventName;

impl FromStr for EventNameKey {
    type Err = InvalidEventName;

    fn from_str(text: &str) -> Result<Self, InvalidEventName> {
        let (code, name) = text.split_once(':').ok_or(InvalidEventName)?;
        Ok(Self { name: name.to_owned(), kind: kind_of(code).ok_or(InvalidEventName)? })
    }
}

#[derive(FromQueryResult)]
struct Row {
    name: String,
    kind: String,
    events: i64,
    first_at: i64,
    last_at: i64,
}

const OF_TENANT: &str = "SELECT name, kind, CAST(sum(events) AS BIGINT) AS events, min(first_at) AS first_at, \
    max(last_at) AS last_at FROM event_counts WHERE tenant_id = $1 AND (name, kind) > ($2, $3) \
    GROUP BY name, kind ORDER BY name, kind LIMIT $4";
const OF_SOURCE: &str = "SELECT name, kind, events, first_at, last_at FROM event_counts \
    WHERE tenant_id = $1 AND (name, kind) > ($2, $3) AND source_id = $5 ORDER BY name, kind LIMIT $4";

impl TenantScope<'_> {
    /// The names of the events that a source, or the tenant, ever had, in the order of their bytes.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn event_names(
        &self,
        source: Option<SourceId>,
        page: Page<EventNameKey>,
    ) -> Result<Paged<EventNameRecord, EventNameKey>, StoreError> {
        let limit = i64::try_from(page.rows()).unwrap_or(i64::MAX);
        let (name, kind) =
            page.after.as_ref().map_or(("", ""), |after| (after.name.as_str(), kind_code(after.kind)));
        let mut values: Vec<Value> = vec![self.key().into(), name.into(), kind.into(), limit.into()];
        values.extend(source.map(|source| Value::from(source.to_string())));
        let sql = if source.is_some() { OF_SOURCE } else { OF_TENANT };
        let reader = &self.reader();
        let statement = Statement::from_sql_and_values(reader.get_database_backend(), sql, values);
        let rows = Row::find_by_statement(statement).all(reader).await?;
        page.fill(rows, EventNameRecord::try_from, |record| record.key.clone())
    }

    /// Whether the tenant ever had an event of this name.
    pub(super) async fn has_events_of(&self, name: &str) -> Result<bool, StoreError> {
        let query = event_count::Entity::find()
            .filter(event_count::Column::TenantId.eq(self.key()))
            .filter(event_count::Column::Name.eq(name));
        Ok(query.one(&self.reader()).await?.is_some())
    }

    /// The names of the traits of people that events of the tenant ever set, in the order of their bytes.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn trait_names(&self, page: Page<String>) -> Result<Paged<String, String>, StoreError> {
        let mut query = trait_name::Entity::find().filter(trait_name::Column::TenantId.eq(self.key()));
        if let Some(after) = &page.after {
            query = query.filter(trait_name::Column::Name.gt(after.as_str()));
        }
        let query = query.order_by_asc(trait_name::Column::Name).limit(page.rows());
        page.fill(query.all(&self.reader()).await?, |row| Ok(row.name), Clone::clone)
    }
}

impl TryFrom<Row> for EventNameRecord {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let kind = kind_of(&row.kind).ok_or_else(|| StoreError::corrupt("event_counts.kind"))?;
        Ok(Self {
            key: EventNameKey { name: row.name, kind },
            events: number(row.events, "event_counts.events")?,
            first_at: Timestamp::from_micros(row.first_at),
            last_at: Timestamp::from_micros(row.last_at),
        })
    }
}
