//! What happened to a person, the newest first: events with their deliveries, identifiers, merges, and what was taken back.
//!
//! What lies in four tables is read as one list: each is asked for as many rows as a page has, and the newest of all of
//! them are the page. A place in it is a time in milliseconds, the table, and something that tells those of a millisecond
//! apart.

use std::{cmp::Reverse, collections::HashMap, fmt, str::FromStr};

use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use sha2::{Digest, Sha256};
use tributary_domain::id::{DeliveryId, EventId, MessageId, ProfileId};

use super::{IdentifierRecord, MergeRecord};
use crate::{
    Page, Paged, StoreError, TenantScope,
    delivery::DeliveryRecord,
    entity::{delivery, event, identifier, merge},
    event::EventRecord,
};

/// More than a page of each table is read, so that all of one millisecond are: they are told apart afterwards.
const OF_ONE_MILLISECOND: u64 = 200;

/// Something that happened to a person.
#[derive(Debug, Clone, PartialEq)]
pub enum Happened {
    /// An event of theirs, with what was sent of it.
    Event(Box<HappenedEvent>),
    /// They became known by an identifier.
    Identified(IdentifierRecord),
    /// They became one person with another.
    Merged(MergeRecord),
    /// A merge was taken back.
    Undone(MergeRecord),
}

/// An event and its deliveries.
#[derive(Debug, Clone, PartialEq)]
pub struct HappenedEvent {
    /// The event.
    pub event: EventRecord,
    /// What was sent of it, or is to be.
    pub deliveries: Vec<DeliveryRecord>,
}

/// A place in a timeline; later ones are larger. As text: `millis.table.mark`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    millis: i64,
    /// Of one millisecond, what follows from an event is newer than the event.
    table: u8,
    mark: u64,
}

const EVENT: u8 = 0;
const IDENTIFIED: u8 = 1;
const MERGED: u8 = 2;
const UNDONE: u8 = 3;

impl Moment {
    fn new(millis: i64, table: u8, what: &str) -> Self {
        let digest: [u8; 32] = Sha256::digest(what).into();
        let mut mark = [0; 8];
        mark.copy_from_slice(&digest[..8]);
        Self { millis, table, mark: u64::from_be_bytes(mark) }
    }

    /// The first microsecond after it.
    fn end(self) -> i64 {
        self.millis.saturating_add(1).saturating_mul(1_000)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.millis, self.table, self.mark)
    }
}

/// A text is no place in a timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a place in a timeline")]
pub struct NoMoment;

impl FromStr for Moment {
    type Err = NoMoment;

    fn from_str(text: &str) -> Result<Self, NoMoment> {
        let mut parts = text.splitn(3, '.');
        let mut next = || parts.next().ok_or(NoMoment);
        let (millis, table, mark) = (next()?, next()?, next()?);
        Ok(Self {
            millis: millis.parse().map_err(|_| NoMoment)?,
            table: table.parse().map_err(|_| NoMoment)?,
            mark: mark.parse().map_err(|_| NoMoment)?,
        })
    }
}

impl Happened {
    /// Where it stands.
    pub fn moment(&self) -> Moment {
        match self {
            Self::Event(happened) => event_moment(happened.event.id),
            Self::Identified(owned) => {
                let what = format!("{} {}", owned.kind, owned.value);
                Moment::new(owned.first_seen_at.micros() / 1_000, IDENTIFIED, &what)
            }
            Self::Merged(merge) => Moment::new(merge.at.micros() / 1_000, MERGED, &merge.id.to_string()),
            Self::Undone(merge) => {
                let at = merge.undone_at.unwrap_or(merge.at);
                Moment::new(at.micros() / 1_000, UNDONE, &merge.id.to_string())
            }
        }
    }
}

/// The id of an event begins with when its message was accepted.
fn event_moment(event: EventId) -> Moment {
    let millis = i64::try_from(event.message().millis()).unwrap_or(i64::MAX);
    Moment::new(millis, EVENT, &event.to_string())
}

impl TenantScope<'_> {
    /// What happened to a person: to `profile`, to what it was merged into, and to all that is part of that. Events that
    /// were written for a profile stay with it when a merge is taken back.
    ///
    /// # Errors
    /// When the tenant has no such profile, or the database fails.
    pub async fn timeline(
        &self,
        profile: ProfileId,
        page: Page<Moment>,
    ) -> Result<Paged<Happened, Moment>, StoreError> {
        let person = self.person(profile).await?;
        let rows = page.rows() + OF_ONE_MILLISECOND;
        let mut found = self.events_until(&person, page.after, rows).await?;
        found.extend(self.identified_until(&person, page.after, rows).await?);
        found.extend(self.merged_until(&person, page.after, rows).await?);
        found.retain(|happened| page.after.is_none_or(|after| happened.moment() < after));
        found.sort_by_cached_key(|happened| Reverse(happened.moment()));
        found.truncate(usize::try_from(page.rows()).unwrap_or(usize::MAX));
        let mut paged = page.fill(found, Ok, Happened::moment)?;
        self.add_deliveries(&mut paged.items).await?;
        Ok(paged)
    }

    async fn events_until(
        &self,
        person: &[ProfileId],
        until: Option<Moment>,
        rows: u64,
    ) -> Result<Vec<Happened>, StoreError> {
        let mut found = Vec::new();
        for part in person {
            let mut query = event::Entity::find()
                .filter(event::Column::TenantId.eq(self.key()))
                .filter(event::Column::ProfileId.eq(part.to_string()));
            if let Some(until) = until {
                let next = MessageId::new(u64::try_from(until.millis).unwrap_or(0).saturating_add(1), 0);
                query = query.filter(event::Column::Id.lt(EventId::range(next).0.to_string()));
            }
            let query = query.order_by_desc(event::Column::Id).limit(rows);
            for row in query.all(&self.reader()).await? {
                let happened = HappenedEvent { event: row.try_into()?, deliveries: Vec::new() };
                found.push(Happened::Event(Box::new(happened)));
            }
        }
        Ok(found)
    }

    async fn identified_until(
        &self,
        person: &[ProfileId],
        until: Option<Moment>,
        rows: u64,
    ) -> Result<Vec<Happened>, StoreError> {
        let mut query = identifier::Entity::find()
            .filter(identifier::Column::TenantId.eq(self.key()))
            .filter(identifier::Column::ProfileId.is_in(person.iter().map(ProfileId::to_string)));
        if let Some(until) = until {
            query = query.filter(identifier::Column::FirstSeenAt.lt(until.end()));
        }
        let query = query.order_by_desc(identifier::Column::FirstSeenAt).limit(rows);
        let found = query.all(&self.reader()).await?;
        found.into_iter().map(|row| row.try_into().map(Happened::Identified)).collect()
    }

    async fn merged_until(
        &self,
        person: &[ProfileId],
        until: Option<Moment>,
        rows: u64,
    ) -> Result<Vec<Happened>, StoreError> {
        let mut found = Vec::new();
        for column in [merge::Column::At, merge::Column::UndoneAt] {
            let mut query = self.merges_of(person).filter(column.is_not_null());
            if let Some(until) = until {
                query = query.filter(column.lt(until.end()));
            }
            for row in query.order_by_desc(column).limit(rows).all(&self.reader()).await? {
                let merge = row.try_into()?;
                found.push(match column {
                    merge::Column::UndoneAt => Happened::Undone(merge),
                    _ => Happened::Merged(merge),
                });
            }
        }
        Ok(found)
    }

    /// Adds to the events what was sent of them.
    async fn add_deliveries(&self, page: &mut [Happened]) -> Result<(), StoreError> {
        let mut events: HashMap<EventId, &mut HappenedEvent> = page
            .iter_mut()
            .filter_map(|happened| match happened {
                Happened::Event(happened) => Some((happened.event.id, happened.as_mut())),
                _ => None,
            })
            .collect();
        if events.is_empty() {
            return Ok(());
        }
        let messages = events
            .keys()
            .map(|event| DeliveryId::range(event.message()))
            .fold(Condition::any(), |any, (low, high)| {
                any.add(delivery::Column::Id.between(low.to_string(), high.to_string()))
            });
        let rows = delivery::Entity::find()
            .filter(delivery::Column::TenantId.eq(self.key()))
            .filter(messages)
            .order_by_asc(delivery::Column::Id)
            .all(&self.reader())
            .await?;
        for row in rows {
            let record = DeliveryRecord::try_from(row)?;
            if let Some(happened) = events.get_mut(&record.event) {
                happened.deliveries.push(record);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_is_written() {
        let place = Moment::new(1_767_225_600_000, MERGED, "mrg_1");
        assert_eq!(place.to_string().parse(), Ok(place));
        assert!(place < Moment::new(1_767_225_600_001, EVENT, "evt_1"));
        assert!("1.2".parse::<Moment>().is_err() && "a.b.c".parse::<Moment>().is_err());
    }
}
