//! On Postgres, the tables that every message adds rows to have a partition for each week, which is dropped at once when
//! nobody keeps anything of it. Weeks begin on Mondays, in UTC. They are made ahead; what fits in none of them is in the
//! partition `…_rest`, and what was there before there were weeks in `…_before_YYYYMMDD`.

use std::collections::BTreeSet;

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, Statement, Value};
use tributary_domain::{
    id::{DeliveryId, EventId, MessageId},
    retention::days,
    time::Timestamp,
};

use super::first_id;
use crate::{Lane, Store, StoreError, txn::Txn};

/// Weeks that are made ahead.
const AHEAD: i64 = 4;
const DAYS: i64 = 7;
const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;
/// Making and dropping partitions needs a moment at which nobody uses what they are parts of, and everybody who comes
/// meanwhile waits behind it; so it does not wait for long, but comes again.
const PATIENCE: &str = "SET LOCAL lock_timeout = '500ms'";

/// A partitioned table.
struct Parted {
    table: &'static str,
    by: &'static str,
    /// The first id that what followed from a message can have in `by`.
    id: fn(MessageId) -> String,
    /// What is true of rows that are still to be done.
    open: Option<&'static str>,
}

const TABLES: [Parted; 5] = [
    Parted {
        table: "messages",
        by: "id",
        id: |message| message.to_string(),
        open: Some("fate IN ('HELD', 'PARKED')"),
    },
    Parted { table: "runs", by: "message_id", id: |message| message.to_string(), open: None },
    Parted { table: "events", by: "id", id: |message| EventId::range(message).0.to_string(), open: None },
    Parted { table: "deliveries", by: "id", id: of_delivery, open: Some("state = 'PENDING'") },
    Parted { table: "delivery_attempts", by: "delivery_id", id: of_delivery, open: None },
];

fn of_delivery(message: MessageId) -> String {
    DeliveryId::range(message).0.to_string()
}

/// A week, counted from that of the first day of 1970, which was a Thursday.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Week(i64);

impl Week {
    fn of(time: Timestamp) -> Self {
        Self((time.millis().cast_signed() / DAY_MILLIS + 3).div_euclid(DAYS))
    }

    fn start(self) -> Timestamp {
        Timestamp::from_millis((self.0 * DAYS - 3) * DAY_MILLIS)
    }

    fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The week with this name.
    fn named(name: &str) -> Option<Self> {
        let (year, month, day) = (name.get(..4)?, name.get(4..6)?, name.get(6..)?);
        format!("{year}-{month}-{day}T00:00:00Z").parse().ok().map(Self::of)
    }

    /// Its Monday, as names have it.
    fn name(self) -> String {
        self.start().to_string().chars().filter(char::is_ascii_digit).take(8).collect()
    }
}

/// A partition of a table, by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Partition {
    /// That of the week that begins on this day.
    Of(String),
    /// That of everything before this day.
    Before(String),
}

impl Partition {
    fn parse(table: &str, name: &str) -> Option<Self> {
        let rest = name.strip_prefix(table)?;
        let of = rest.strip_prefix("_w").map(|day| Self::Of(day.to_owned()));
        of.or_else(|| rest.strip_prefix("_before_").map(|day| Self::Before(day.to_owned())))
    }
}

/// The time up to which logs are removed row by row, where they are removed up to `until`: on Postgres, the week in which
/// that is goes at once when it is over, if nobody keeps logs for longer.
pub(super) fn rows_until(backend: DbBackend, until: Timestamp) -> Timestamp {
    if backend == DbBackend::Postgres { Week::of(until).start() } else { until }
}

impl Store {
    /// Makes the partitions of this week and the next ones, where there are none. On SQLite there are no partitions.
    ///
    /// # Errors
    /// When the database fails, or somebody uses the tables for too long.
    pub async fn make_partitions(&self, now: Timestamp) -> Result<(), StoreError> {
        if self.backend() != DbBackend::Postgres {
            return Ok(());
        }
        for parted in &TABLES {
            let known = self.partitions(parted.table).await?;
            for number in 0..=AHEAD {
                let week = Week(Week::of(now).0 + number);
                let covers = |partition: &Partition| match partition {
                    Partition::Of(day) => *day == week.name(),
                    Partition::Before(day) => *day > week.name(),
                };
                if known.iter().any(covers) {
                    continue;
                }
                let write = |txn: Txn| async move { make(txn.as_ref(), parted, week).await };
                self.write_txn(Lane::Other, "retention.week", write).await?;
            }
        }
        Ok(())
    }

    /// Drops the partitions of weeks of which nobody keeps anything, where the longest that anybody keeps logs is so many
    /// days; says how many weeks. What has something that is still to be done stays.
    pub(super) async fn drop_partitions(&self, longest: u32, now: Timestamp) -> Result<u64, StoreError> {
        if self.backend() != DbBackend::Postgres {
            return Ok(0);
        }
        // A week is over when the next one began before the last that is kept.
        let last = Week::of(now.minus(days(longest))).name();
        let mut ends = BTreeSet::new();
        for parted in &TABLES {
            for partition in self.partitions(parted.table).await? {
                let (is_over, suffix) = match partition {
                    Partition::Of(day) => (day < last, format!("_w{day}")),
                    Partition::Before(day) => (day <= last, format!("_before_{day}")),
                };
                if is_over {
                    ends.insert(suffix);
                }
            }
        }
        let mut dropped = 0;
        for suffix in &ends {
            let write = |txn: Txn| async move { drop_all(txn.as_ref(), suffix).await };
            dropped += u64::from(self.write_txn(Lane::Other, "retention.drop", write).await?);
        }
        Ok(dropped)
    }

    async fn partitions(&self, table: &str) -> Result<Vec<Partition>, StoreError> {
        const PARTITIONS: &str = "SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid \
            WHERE i.inhparent = to_regclass($1) ORDER BY 1";
        let statement = Statement::from_sql_and_values(DbBackend::Postgres, PARTITIONS, [table.into()]);
        let rows = self.reader().query_all_raw(statement).await?;
        let mut found = Vec::with_capacity(rows.len());
        for row in rows {
            found.extend(Partition::parse(table, &row.try_get_by_index::<String>(0)?));
        }
        Ok(found)
    }
}

/// Makes one partition, with the rows that came before it.
async fn make(txn: &DatabaseTransaction, parted: &Parted, week: Week) -> Result<(), StoreError> {
    let Parted { table, by, id, .. } = parted;
    let name = format!("{table}_w{}", week.name());
    let (from, to) = (id(first_id(week.start())), id(first_id(week.next().start())));
    txn.execute_unprepared(PATIENCE).await?;
    txn.execute_unprepared(&format!("LOCK TABLE {table}_rest IN ACCESS EXCLUSIVE MODE")).await?;
    if is_there(txn, &name).await? {
        // Another node was faster.
        return Ok(());
    }
    for statement in [
        format!("CREATE TABLE {name} (LIKE {table} INCLUDING DEFAULTS)"),
        format!(
            "WITH moved AS (DELETE FROM {table}_rest WHERE {by} >= '{from}' AND {by} < '{to}' RETURNING *) \
             INSERT INTO {name} SELECT * FROM moved"
        ),
        format!("ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ('{from}') TO ('{to}')"),
    ] {
        txn.execute_unprepared(&statement).await?;
    }
    Ok(())
}

impl Partition {
    /// The first message that it can have, and the first one after it.
    fn range(&self) -> Option<[MessageId; 2]> {
        let first = |week: Week| first_id(week.start());
        match self {
            Self::Of(day) => Week::named(day).map(|week| [first(week), first(week.next())]),
            Self::Before(day) => Week::named(day).map(|week| [MessageId::from_bits(0), first(week)]),
        }
    }
}

/// What has no partitions, but goes with those of its messages.
const BESIDE: [Parted; 2] = [
    Parted { table: "message_replays", by: "message_id", id: |message| message.to_string(), open: None },
    Parted { table: "delivery_replays", by: "delivery_id", id: of_delivery, open: None },
];

/// Drops the partitions with this suffix, if none has anything to be done; whether it did.
async fn drop_all(txn: &DatabaseTransaction, suffix: &str) -> Result<bool, StoreError> {
    txn.execute_unprepared(PATIENCE).await?;
    // Nothing comes to the held lane either: a message that is processed again keeps its fate while it waits there.
    txn.execute_unprepared("LOCK TABLE held_messages IN SHARE MODE").await?;
    let Some(range) = Partition::parse("", suffix).and_then(|partition| partition.range()) else {
        return Ok(false);
    };
    let held = "SELECT EXISTS (SELECT 1 FROM held_messages WHERE message_id >= $1 AND message_id < $2)";
    if is_true(txn, held, range.map(|message| message.to_string().into())).await? {
        return Ok(false);
    }
    let mut names = Vec::with_capacity(TABLES.len());
    for Parted { table, open, .. } in &TABLES {
        let name = format!("{table}{suffix}");
        if !is_there(txn, &name).await? {
            continue;
        }
        if let Some(open) = open {
            // Nothing comes to it any more while it is looked at and dropped.
            txn.execute_unprepared(&format!("LOCK TABLE {name} IN SHARE MODE")).await?;
            if is_true(txn, &format!("SELECT EXISTS (SELECT 1 FROM {name} WHERE {open})"), []).await? {
                return Ok(false);
            }
        }
        names.push(name);
    }
    for Parted { table, by, id, .. } in &BESIDE {
        let [from, to] = range.map(id);
        let delete = format!("DELETE FROM {table} WHERE {by} >= '{from}' AND {by} < '{to}'");
        txn.execute_unprepared(&delete).await?;
    }
    for name in &names {
        txn.execute_unprepared(&format!("DROP TABLE {name}")).await?;
    }
    Ok(!names.is_empty())
}

async fn is_there(txn: &DatabaseTransaction, table: &str) -> Result<bool, StoreError> {
    is_true(txn, "SELECT to_regclass($1) IS NOT NULL", [table.into()]).await
}

async fn is_true<const N: usize>(
    txn: &DatabaseTransaction,
    sql: &str,
    values: [Value; N],
) -> Result<bool, StoreError> {
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, values);
    let row = txn.query_one_raw(statement).await?;
    let row = row.ok_or_else(|| StoreError::not_found("row"))?;
    Ok(row.try_get_by_index(0)?)
}
