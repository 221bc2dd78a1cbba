//! How a log is walked through, page by page and step by step.

use std::{
    fmt::Display,
    time::{Duration, Instant},
};

use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, QueryTrait, Select,
    sea_query::{Query, UnionType},
};
use tributary_domain::id::MessageId;

use super::{Order, Search};
use crate::{Page, Paged, StoreError, TenantScope};

/// What a key is called where it stands in a column of several tables.
const KEY: &str = "key";
/// How many rows the first step looks at: it is not known yet how long that takes, and from a disk it can be long.
const FIRST: u32 = 64;
/// No step looks at fewer.
const FEWEST: u32 = 16;
/// How many events of people one step looks at.
const MOST_OF_PEOPLE: u32 = 128;

/// How many parts one statement brings together; SQLite takes 500.
const MOST_PARTS: usize = 200;

/// A part of a log: keys from `from` on, and before `before`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span<K> {
    pub(crate) from: Option<K>,
    pub(crate) before: Option<K>,
}

impl<K: Copy + Ord> Span<K> {
    /// The same part, by other keys.
    pub(crate) fn map<L>(self, other: impl Fn(K) -> L) -> Span<L> {
        Span { from: self.from.map(&other), before: self.before.map(other) }
    }

    /// What is left of it at `place`.
    fn on_from(self, order: Order, place: Option<K>) -> Self {
        match order {
            Order::NewestFirst => Self { before: place.into_iter().chain(self.before).min(), ..self },
            Order::OldestFirst => Self { from: self.from.max(place), ..self },
        }
    }

    /// What of it comes before `place` in this order, with the entry at it where that is the oldest.
    fn up_to(self, order: Order, place: Option<K>) -> Self {
        match order {
            Order::NewestFirst => Self { from: place.or(self.from), ..self },
            Order::OldestFirst => Self { before: place.or(self.before), ..self },
        }
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
}

/// The text in `column` that is number `rows` of the rows of all `parts`, in this order; none where they have fewer. Index
/// pages are all that it reads. Of very many parts it is that of some of them, so that there are at most `rows` up to it in
/// each lot.
pub(crate) async fn last_of<E: EntityTrait>(
    scope: &TenantScope<'_>,
    parts: Vec<Select<E>>,
    column: E::Column,
    order: Order,
    rows: u32,
) -> Result<Option<String>, StoreError> {
    let skipped = u64::from(rows.max(1)) - 1;
    let mut found: Vec<String> = Vec::new();
    let mut parts = parts.into_iter();
    loop {
        let mut lot = parts.by_ref().take(MOST_PARTS).map(|part| {
            let keys = part.select_only().column_as(column, KEY);
            order.of(keys, column)
        });
        let Some(first) = lot.next() else { break };
        let Some(second) = lot.next() else {
            let last: Option<String> =
                first.offset(skipped).limit(1).into_tuple().one(&scope.reader()).await?;
            found.extend(last);
            continue;
        };
        let keys = |part: Select<E>| {
            let part = part.limit(skipped + 1).into_query();
            Query::select().column(KEY).from_subquery(part, "part").take()
        };
        let mut all = keys(first);
        for other in [second].into_iter().chain(lot) {
            all.union(UnionType::All, keys(other));
        }
        let query = Query::select()
            .column(KEY)
            .from_subquery(all, "parts")
            .order_by(KEY, order.way())
            .offset(skipped)
            .limit(1)
            .take();
        let statement = scope.store().backend().build(&query);
        if let Some(row) = scope.reader().query_one_raw(statement).await? {
            found.push(row.try_get_by_index(0)?);
        }
    }
    Ok(match order {
        Order::NewestFirst => found.into_iter().max(),
        Order::OldestFirst => found.into_iter().min(),
    })
}

/// A log with what is searched for in it.
pub(crate) trait Log {
    /// What it is ordered by: begins with a message's id.
    type Key: Copy + Ord;
    /// An entry.
    type Record;

    /// The smallest key that an entry of `message` can have.
    fn place(message: MessageId) -> Self::Key;
    /// The message of the entry that `key` is of.
    fn message(key: Self::Key) -> MessageId;
    /// The key of an entry.
    fn key(record: &Self::Record) -> Self::Key;
    /// Whether nothing but the keys decides which entries are in it.
    fn is_plain(&self) -> bool;
    /// What is searched for.
    fn search(&self) -> &Search;
    /// Whether its rows do not lie in the order of their keys, as they are of several sources or workflows.
    fn is_scattered(&self) -> bool {
        false
    }
    /// A place in `span` that has about `rows` rows before it in the order that is asked for; none where there are no more.
    /// Newest first, the entry at the place is one of them.
    async fn last_of(
        &self,
        scope: &TenantScope<'_>,
        span: Span<Self::Key>,
        rows: u32,
    ) -> Result<Option<Self::Key>, StoreError>;
    /// The first entries in `span` that are searched for, at most `limit`, in the order that is asked for.
    async fn entries(
        &self,
        scope: &TenantScope<'_>,
        span: Span<Self::Key>,
        limit: u64,
    ) -> Result<Vec<Self::Record>, StoreError>;
    /// The messages of at most `limit` events in `span` of those who are searched for, in the order that is asked for;
    /// whether there can be more.
    async fn messages(
        &self,
        scope: &TenantScope<'_>,
        span: Span<MessageId>,
        limit: u32,
    ) -> Result<(Vec<MessageId>, bool), StoreError>;
    /// The entries of these messages, which are in the order that is asked for, that are searched for.
    async fn entries_of(
        &self,
        scope: &TenantScope<'_>,
        messages: &[MessageId],
    ) -> Result<Vec<Self::Record>, StoreError>;
}

/// The message after this one.
pub(crate) fn after(message: MessageId) -> MessageId {
    MessageId::from_bits(message.bits().saturating_add(1))
}

/// The first message that has no entry before `key`.
fn beyond<L: Log>(key: L::Key) -> MessageId {
    let message = L::message(key);
    if key == L::place(message) { message } else { after(message) }
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
    page: Page<L::Key>,
) -> Result<Paged<L::Record, L::Key>, StoreError> {
    let search = log.search();
    let order = search.order;
    let all = Span { from: search.from.map(L::place), before: search.before.map(L::place) };
    let mut span = all.on_from(order, page.after);
    let size = page.size() as usize;
    if search.owners.is_none() && log.is_plain() {
        if log.is_scattered() {
            let rows = u32::try_from(page.rows()).unwrap_or(u32::MAX);
            span = span.up_to(order, log.last_of(scope, span, order.rows(rows)).await?);
        }
        let items = log.entries(scope, span, page.rows()).await?;
        let Step { items, next } = cut::<L>(items, size, None, order);
        return Ok(Paged { items, next });
    }
    let _turn = scope.store().turn_to_search().await;
    let mut walk = Walk::begin(search);
    let mut items = Vec::new();
    loop {
        let want = size - items.len();
        let rows = walk.rows(want);
        let step = match search.owners.is_some() {
            true => step_of_people(scope, log, span, rows, want).await?,
            false => step_of_rows(scope, log, span, rows, want).await?,
        };
        walk.looked_at(rows);
        items.extend(step.items);
        let is_full = items.len() >= size;
        match step.next {
            Some(next) if !is_full && walk.goes_on() => span = span.on_from(order, Some(next)),
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
    let order = log.search().order;
    let last = log.last_of(scope, span, order.rows(rows)).await?;
    let items = log.entries(scope, span.up_to(order, last), want as u64 + 1).await?;
    // Where the span begins with that very row, there is nothing left of it.
    Ok(cut(items, want, last.filter(|last| order == Order::OldestFirst || span.from != Some(*last)), order))
}

async fn step_of_people<L: Log>(
    scope: &TenantScope<'_>,
    log: &L,
    span: Span<L::Key>,
    rows: u32,
    want: usize,
) -> Result<Step<L>, StoreError> {
    let order = log.search().order;
    // What of the first and the last message lies in no span is left out below.
    let of = Span { from: span.from.map(L::message), before: span.before.map(beyond::<L>) };
    let (messages, is_cut) = log.messages(scope, of, rows).await?;
    let next = messages.last().copied().filter(|_| is_cut).map(|last| match order {
        Order::NewestFirst => L::place(last),
        Order::OldestFirst => L::place(after(last)),
    });
    let mut items = log.entries_of(scope, &messages).await?;
    items.retain(|item| {
        let key = L::key(item);
        span.before.is_none_or(|before| key < before) && span.from.is_none_or(|from| key >= from)
    });
    Ok(cut(items, want, next, order))
}

/// At most `want` of `items`, and the place after them.
fn cut<L: Log>(mut items: Vec<L::Record>, want: usize, next: Option<L::Key>, order: Order) -> Step<L> {
    if items.len() <= want {
        return Step { items, next };
    }
    let rest = items.split_off(want);
    let next = match order {
        Order::NewestFirst => items.last().map(L::key),
        Order::OldestFirst => rest.first().map(L::key),
    };
    Step { items, next }
}
