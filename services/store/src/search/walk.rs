//! How a log is walked through, page by page and step by step.

use std::{
    fmt::Display,
    time::{Duration, Instant},
};

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};
use tributary_domain::id::MessageId;

use super::Search;
use crate::{Page, Paged, StoreError, TenantScope};

/// How many rows the first step looks at.
const FIRST: u32 = 256;
/// No step looks at fewer.
const FEWEST: u32 = 16;
/// How many events of people one step looks at.
const MOST_OF_PEOPLE: u32 = 128;

/// A part of a log: keys from `from` on, and before `before`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span<K> {
    pub(crate) from: Option<K>,
    pub(crate) before: Option<K>,
}

impl<K> Span<K> {
    /// The same part, by other keys.
    pub(crate) fn map<L>(self, other: impl Fn(K) -> L) -> Span<L> {
        Span { from: self.from.map(&other), before: self.before.map(other) }
    }
}

impl<K: Display> Span<K> {
    /// Only the rows whose `column` lies in it.
    pub(crate) fn of<E: EntityTrait>(&self, mut query: Select<E>, column: E::Column) -> Select<E> {
        if let Some(from) = &self.from {
            query = query.filter(column.gte(from.to_string()));
        }
        if let Some(before) = &self.before {
            query = query.filter(column.lt(before.to_string()));
        }
        query
    }

    /// A query for the key in `column` that is number `rows` of this part, counted from its end: index pages are all that
    /// it reads.
    pub(crate) fn last_of<E: EntityTrait>(
        &self,
        query: Select<E>,
        column: E::Column,
        rows: u32,
    ) -> Select<E> {
        let query = self.of(query, column).select_only().column(column);
        query.order_by_desc(column).offset(u64::from(rows.max(1)) - 1).limit(1)
    }
}

/// A log with what is searched for in it.
pub(crate) trait Log {
    /// What it is ordered by: begins with a message's id.
    type Key: Copy + Ord;
    /// An entry.
    type Record;

    /// The smallest key that an entry of `message` can have.
    fn place(message: MessageId) -> Self::Key;
    /// The first message that has no entry before `key`.
    fn beyond(key: Self::Key) -> MessageId;
    /// The key of an entry.
    fn key(record: &Self::Record) -> Self::Key;
    /// Whether nothing but the keys decides which entries are in it.
    fn is_plain(&self) -> bool;
    /// The key of row number `rows` before the end of `span`, if it has so many.
    async fn last_of(
        &self,
        scope: &TenantScope<'_>,
        span: Span<Self::Key>,
        rows: u32,
    ) -> Result<Option<Self::Key>, StoreError>;
    /// The newest entries in `span` that are searched for, at most `limit`, newest first.
    async fn entries(
        &self,
        scope: &TenantScope<'_>,
        span: Span<Self::Key>,
        limit: u64,
    ) -> Result<Vec<Self::Record>, StoreError>;
    /// The messages of at most `limit` events in `span` of those who are searched for; whether there can be more.
    async fn messages(
        &self,
        scope: &TenantScope<'_>,
        span: Span<MessageId>,
        limit: u32,
    ) -> Result<(Vec<MessageId>, bool), StoreError>;
    /// The entries of these messages that are searched for, newest first.
    async fn entries_of(
        &self,
        scope: &TenantScope<'_>,
        messages: &[MessageId],
    ) -> Result<Vec<Self::Record>, StoreError>;
}

/// The first message that has no entry before a key of `message`, for a log with several entries of one; `is_first`: no key
/// of the message is smaller.
pub(crate) fn beyond(message: MessageId, is_first: bool) -> MessageId {
    if is_first { message } else { MessageId::from_bits(message.bits().saturating_add(1)) }
}

/// What one step found, and where the next one begins.
struct Step<L: Log + ?Sized> {
    items: Vec<L::Record>,
    next: Option<L::Key>,
}

/// A page of a log. It ends early when its time is over: see [`super::Pace`].
pub(crate) async fn walk<L: Log>(
    scope: &TenantScope<'_>,
    log: &L,
    search: &Search,
    page: Page<L::Key>,
) -> Result<Paged<L::Record, L::Key>, StoreError> {
    let end = search.before.map(L::place);
    let before = page.after.into_iter().chain(end).min();
    let mut span = Span { from: search.from.map(L::place), before };
    if search.owners.is_none() && log.is_plain() {
        let rows = log.entries(scope, span, page.rows()).await?;
        return page.fill(rows, Ok, L::key);
    }
    let _turn = scope.store().turn_to_search().await;
    let mut walk = Walk::begin(search);
    let mut items = Vec::new();
    loop {
        let want = page.size() as usize - items.len();
        let rows = walk.rows(want);
        let step = match search.owners.is_some() {
            true => step_of_people(scope, log, span, rows, want).await?,
            false => step_of_rows(scope, log, span, rows, want).await?,
        };
        walk.looked_at(rows);
        items.extend(step.items);
        let is_full = items.len() >= page.size() as usize;
        match step.next {
            Some(next) if !is_full && walk.goes_on() => span.before = Some(next),
            next => return Ok(Paged { items, next }),
        }
    }
}

/// How far a page has come, and how far its steps may go: rows that lie in memory are looked at a hundred times faster than
/// those that have to come from a disk, so that only the steps before tell how many there is time for.
struct Walk {
    began: Instant,
    time: Duration,
    most: u32,
    /// Rows are looked up one by one, for people, and not in a row.
    one_by_one: bool,
    done: u32,
}

impl Walk {
    fn begin(search: &Search) -> Self {
        let pace = search.pace;
        let (most, time) = match (search.texts.is_empty(), search.owners.is_some()) {
            (true, false) => (pace.rows, pace.time),
            (true, true) => (pace.rows.min(MOST_OF_PEOPLE), pace.time),
            (false, false) => (pace.bodies, pace.bodies_time),
            (false, true) => (pace.bodies.min(MOST_OF_PEOPLE), pace.bodies_time),
        };
        Self { began: Instant::now(), time, most, one_by_one: search.owners.is_some(), done: 0 }
    }

    /// How many rows the next step looks at, for so many entries that are wanted.
    fn rows(&self, want: usize) -> u32 {
        let rows = match self.done {
            0 if self.one_by_one => u32::try_from(want).unwrap_or(FIRST).saturating_add(1),
            0 => FIRST,
            done => {
                let spent = self.began.elapsed();
                let left = self.time.saturating_sub(spent).as_secs_f64();
                // Truncated: what is more than the most is the most.
                (f64::from(done) / spent.as_secs_f64().max(1e-9) * left) as u32
            }
        };
        rows.max(FEWEST).min(self.most)
    }

    fn looked_at(&mut self, rows: u32) {
        self.done = self.done.saturating_add(rows);
    }

    fn goes_on(&self) -> bool {
        self.began.elapsed() < self.time
    }
}

async fn step_of_rows<L: Log>(
    scope: &TenantScope<'_>,
    log: &L,
    span: Span<L::Key>,
    rows: u32,
    want: usize,
) -> Result<Step<L>, StoreError> {
    let last = log.last_of(scope, span, rows).await?;
    let part = Span { from: last.or(span.from), before: span.before };
    let items = log.entries(scope, part, want as u64 + 1).await?;
    // Where the span begins with that very row, there is nothing left of it.
    Ok(cut(items, want, last.filter(|last| span.from != Some(*last))))
}

async fn step_of_people<L: Log>(
    scope: &TenantScope<'_>,
    log: &L,
    span: Span<L::Key>,
    rows: u32,
    want: usize,
) -> Result<Step<L>, StoreError> {
    // What lies in no span is left out below.
    let (messages, is_cut) = log.messages(scope, span.map(L::beyond), rows).await?;
    let next = messages.last().copied().filter(|_| is_cut).map(L::place);
    let mut items = log.entries_of(scope, &messages).await?;
    items.retain(|item| span.before.is_none_or(|before| L::key(item) < before));
    Ok(cut(items, want, next))
}

/// At most `want` of `items`, and the place after them.
fn cut<L: Log>(mut items: Vec<L::Record>, want: usize, next: Option<L::Key>) -> Step<L> {
    if items.len() <= want {
        return Step { items, next };
    }
    items.truncate(want);
    let next = items.last().map(L::key);
    Step { items, next }
}
