//! Many rows of logs, made of few: the rows that the house wrote for some bookings are copied by the database itself,
//! under other ids and at other times. So they are as the house writes them, whatever columns they have, and there can be
//! ten million of them after some minutes.
//!
//! Of ten messages one is made to have failed at the filter, without an event; of fifty deliveries one was given up. What
//! is no log (people, identifiers, dedupe keys) stays as it is.

use std::time::Duration;

use anyhow::{Context, ensure};
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement};

/// The copies are spread over so long a time.
const SPREAD: Duration = Duration::from_hours(30 * 24);
/// So many messages are copied in one statement.
const PART: u64 = 50_000;
/// One of so many messages has no event.
const FILTERED: u64 = 10;

/// A table, how its rows are found by their message, and what is other in a copy. In these expressions `own` is the
/// copy's message id without its prefix, `micros` its time, `n` its number, and `t` the row that is copied.
struct Table {
    name: &'static str,
    /// The message's id without its prefix.
    message: &'static str,
    /// Columns and what they are in a copy.
    other: &'static [(&'static str, &'static str)],
    /// Whether there is one of messages without events too.
    always: bool,
}

const TABLES: [Table; 5] = [
    Table {
        name: "messages",
        message: "substr(x.id, 5, 26)",
        other: &[
            ("id", "'msg_' || own"),
            ("seq", "n"),
            ("received_at", "micros"),
            ("committed_at", "micros + 5000"),
            (
                "runs",
                "CASE WHEN n % 10 = 0 THEN replace(t.runs, 'SUCCEEDED', 'FILTER_CONDITION_FAILED') ELSE t.runs END",
            ),
        ],
        always: true,
    },
    Table {
        name: "runs",
        message: "substr(x.message_id, 5, 26)",
        other: &[
            ("message_id", "'msg_' || own"),
            ("seq", "n"),
            ("at", "micros + 5000"),
            ("status", "CASE WHEN n % 10 = 0 THEN 'FILTER_CONDITION_FAILED' ELSE t.status END"),
            (
                "reason",
                "CASE WHEN n % 10 = 0 THEN '{\"message\":\"event is not invitee.created\"}' ELSE t.reason END",
            ),
            ("events", "CASE WHEN n % 10 = 0 THEN 0 ELSE t.events END"),
            ("profile_id", "CASE WHEN n % 10 = 0 THEN NULL ELSE t.profile_id END"),
        ],
        always: true,
    },
    Table {
        name: "events",
        message: "substr(x.id, 5, 26)",
        other: &[
            ("id", "'evt_' || own || substr(t.id, 31)"),
            ("seq", "n"),
            ("received_at", "micros"),
            ("occurred_at", "micros"),
        ],
        always: false,
    },
    Table {
        name: "deliveries",
        message: "substr(x.id, 5, 26)",
        other: &[
            ("id", "'dlv_' || own || substr(t.id, 31)"),
            ("event_id", "'evt_' || own || substr(t.event_id, 31)"),
            ("state", "CASE WHEN n % 50 = 1 THEN 'FAILED' ELSE t.state END"),
            ("created_at", "micros + 5000"),
            ("due_at", "micros + 5000"),
            ("completed_at", "micros + 90000"),
        ],
        always: false,
    },
    Table {
        name: "delivery_attempts",
        message: "substr(x.delivery_id, 5, 26)",
        other: &[
            ("delivery_id", "'dlv_' || own || substr(t.delivery_id, 31)"),
            ("started_at", "micros + 10000"),
        ],
        always: false,
    },
];

/// How much there is to be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wanted {
    /// About so many rows of all logs together.
    Rows(u64),
    /// So many messages.
    Messages(u64),
}

/// What there is in the end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grown {
    /// Rows of all logs together.
    pub(crate) rows: u64,
    /// How many of them are messages.
    pub(crate) messages: u64,
    /// When the first message was received, in milliseconds since the epoch.
    pub(crate) first: u64,
    /// How long it is from one message to the next.
    pub(crate) step: u64,
    /// How many deliveries wait to be sent.
    pub(crate) waiting: u64,
    /// The size of the database.
    pub(crate) bytes: u64,
}

impl Grown {
    /// The id of message number `number`, as it is copied below.
    pub(crate) fn message(&self, number: u64) -> String {
        const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
        let millis = self.millis(number);
        let digit = |place: u64| char::from(ALPHABET[(millis >> (5 * place) & 31) as usize]);
        let time: String = (0..10).rev().map(digit).collect();
        format!("msg_{time}{number:016}")
    }

    /// When message number `number` was received.
    pub(crate) fn millis(&self, number: u64) -> u64 {
        self.first + number * self.step
    }
}

/// Makes so much of what the database at `url` has, the last of them received at `now`, in milliseconds since
/// the epoch. Nobody else may use it meanwhile.
pub(crate) async fn multiply(url: &str, wanted: Wanted, now: u64) -> anyhow::Result<Grown> {
    let mut options = ConnectOptions::new(url);
    // What is temporary is seen by its own connection only.
    options.max_connections(1).min_connections(1).sqlx_logging(false);
    let database = Database::connect(options).await?;
    let is_sqlite = database.get_database_backend() == DbBackend::Sqlite;
    if is_sqlite {
        for setting in ["journal_mode = OFF", "synchronous = OFF", "cache_size = -262144"] {
            run(&database, &format!("PRAGMA {setting}")).await?;
        }
    }
    let mut templates = Vec::new();
    for table in &TABLES {
        templates.push(set_aside(&database, table).await?);
    }
    let seeds = templates[0];
    ensure!(seeds > 0, "there are no messages to be copied");
    // Of ten messages nine have all rows.
    let per_ten: f64 = TABLES
        .iter()
        .zip(&templates)
        .map(|(table, count)| {
            let share = if table.always { FILTERED } else { FILTERED - 1 };
            *count as f64 / seeds as f64 * share as f64
        })
        .sum();
    let messages = match wanted {
        Wanted::Rows(rows) => (rows as f64 / per_ten * FILTERED as f64) as u64,
        Wanted::Messages(messages) => messages,
    };
    let step = (SPREAD.as_millis() as u64 / messages.max(1)).max(1);
    let mut grown = Grown { rows: 0, messages, first: now - messages * step, step, waiting: 0, bytes: 0 };
    for begin in (0..messages).step_by(PART as usize) {
        let end = (begin + PART).min(messages);
        for table in &TABLES {
            grown.rows += copy(&database, table, &grown, seeds, begin..end).await?;
        }
    }
    grown.waiting = number(&database, "SELECT count(*) FROM deliveries WHERE state = 'PENDING'").await?;
    grown.bytes = finish(&database, is_sqlite).await?;
    database.close().await?;
    Ok(grown)
}

/// Puts what the table has into one of its own, by the number of its message, and empties it: says how much it was.
async fn set_aside(database: &DatabaseConnection, table: &Table) -> anyhow::Result<u64> {
    let (name, message) = (table.name, table.message);
    let place = match name {
        "messages" => "CAST(row_number() OVER (ORDER BY x.id) - 1 AS bigint)".to_owned(),
        _ => format!("(SELECT m.place FROM seed_messages m WHERE m.of_message = {message})"),
    };
    for statement in [
        format!(
            "CREATE TEMPORARY TABLE seed_{name} AS SELECT {place} AS place, {message} AS of_message, x.* FROM {name} x"
        ),
        format!("CREATE INDEX seed_place_{name} ON seed_{name} (place)"),
        format!("CREATE INDEX seed_of_{name} ON seed_{name} (of_message)"),
        format!("DELETE FROM {name}"),
    ] {
        run(database, &statement).await?;
    }
    number(database, &format!("SELECT count(*) FROM seed_{name}")).await
}

/// The number that this query gives.
async fn number(database: &DatabaseConnection, query: &str) -> anyhow::Result<u64> {
    let query = Statement::from_string(database.get_database_backend(), query);
    let row = database.query_one_raw(query).await?.context("no number")?;
    Ok(row.try_get_by_index::<i64>(0)?.unsigned_abs())
}

/// Copies the rows of these messages; says how many.
async fn copy(
    database: &DatabaseConnection,
    table: &Table,
    grown: &Grown,
    seeds: u64,
    numbers: std::ops::Range<u64>,
) -> anyhow::Result<u64> {
    let columns = columns(database, table.name).await?;
    let value = |column: &String| {
        let other = table.other.iter().find(|(name, _)| name == column);
        other.map_or_else(|| format!("t.{column}"), |(_, expression)| (*expression).to_owned())
    };
    for (column, _) in table.other {
        ensure!(columns.iter().any(|known| known == column), "{} has no column {column}", table.name);
    }
    let values: Vec<String> = columns.iter().map(value).collect();
    let series = match database.get_database_backend() {
        DbBackend::Sqlite => format!(
            "WITH RECURSIVE s(n) AS (SELECT {} UNION ALL SELECT n + 1 FROM s WHERE n + 1 < {}),",
            numbers.start, numbers.end
        ),
        _ => format!(
            "WITH s AS (SELECT generate_series({}::bigint, {}::bigint) AS n),",
            numbers.start,
            numbers.end - 1
        ),
    };
    let digits: Vec<String> = (0..10)
        .rev()
        .map(|place| {
            let digit = format!("CAST((millis >> {}) & 31 AS integer)", 5 * place);
            format!("substr('0123456789abcdefghjkmnpqrstvwxyz', {digit} + 1, 1)")
        })
        .collect();
    let sql = format!(
        "{series}
         k AS (SELECT n, CAST({first} AS bigint) + n * {step} AS millis FROM s),
         c AS (SELECT n, millis * 1000 AS micros,
                      {digits} || substr(CAST(CAST(10000000000000000 AS bigint) + n AS text), 2) AS own FROM k)
         INSERT INTO {name} ({columns})
         SELECT {values} FROM c CROSS JOIN seed_{name} t WHERE t.place = n % {seeds}{only} ORDER BY n",
        first = grown.first,
        step = grown.step,
        digits = digits.join(" || "),
        name = table.name,
        columns = columns.iter().map(|column| format!("\"{column}\"")).collect::<Vec<_>>().join(", "),
        values = values.join(", "),
        only = if table.always { "" } else { " AND n % 10 <> 0" },
    );
    let done = database
        .execute_unprepared(&sql)
        .await
        .with_context(|| format!("{} cannot be copied", table.name))?;
    Ok(done.rows_affected())
}

async fn columns(database: &DatabaseConnection, table: &str) -> anyhow::Result<Vec<String>> {
    let backend = database.get_database_backend();
    let query = match backend {
        DbBackend::Sqlite => format!("SELECT name FROM pragma_table_info('{table}')"),
        _ => format!(
            "SELECT column_name::text FROM information_schema.columns \
             WHERE table_schema = current_schema() AND table_name = '{table}' ORDER BY ordinal_position"
        ),
    };
    let rows = database.query_all_raw(Statement::from_string(backend, query)).await?;
    rows.iter().map(|row| Ok(row.try_get_by_index(0)?)).collect()
}

/// Leaves the database as the house leaves it; says how large it is.
async fn finish(database: &DatabaseConnection, is_sqlite: bool) -> anyhow::Result<u64> {
    let size = if is_sqlite {
        run(database, "PRAGMA journal_mode = WAL").await?;
        "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
    } else {
        // What the server does by itself, some time later.
        for table in &TABLES {
            run(database, &format!("VACUUM ANALYZE {}", table.name)).await?;
        }
        "SELECT pg_database_size(current_database())"
    };
    number(database, size).await
}

async fn run(database: &DatabaseConnection, statement: &str) -> anyhow::Result<()> {
    database.execute_unprepared(statement).await.with_context(|| format!("refused: {statement}"))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUSE: &str = "
        CREATE TABLE messages (id text PRIMARY KEY, seq integer, received_at integer, committed_at integer, runs text, body blob);
        CREATE TABLE runs (message_id text, seq integer, at integer, status text, reason text, events integer, profile_id text);
        CREATE TABLE events (id text, seq integer, received_at integer, occurred_at integer, profile_id text);
        CREATE TABLE deliveries (id text, event_id text, state text, created_at integer, due_at integer, completed_at integer);
        CREATE TABLE delivery_attempts (delivery_id text, started_at integer, outcome text);
        INSERT INTO messages VALUES ('msg_00000000000000000000000001', 1, 1, 2, '[\"SUCCEEDED\"]', x'00'),
                                    ('msg_00000000000000000000000002', 2, 1, 2, '[\"SUCCEEDED\"]', x'01');
        INSERT INTO runs SELECT id, seq, 1, 'SUCCEEDED', NULL, 1, 'prf_' || seq FROM messages;
        INSERT INTO events SELECT 'evt_' || substr(id, 5) || 'aaaaaaaaaaaaa', seq, 1, 1, 'prf_' || seq FROM messages;
        INSERT INTO deliveries SELECT 'dlv_' || substr(id, 5) || 'bbbbbbbbbbbbb', id, 'DELIVERED', 1, 1, 1 FROM events;
        INSERT INTO delivery_attempts SELECT id, 1, 'DELIVERED' FROM deliveries;";

    #[tokio::test]
    async fn copies_are_as_their_rows_at_their_own_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite://{}?mode=rwc", folder.path().join("house.db").display());
        let database = Database::connect(&url).await.expect("connects");
        database.execute_unprepared(HOUSE).await.expect("makes tables");
        database.close().await.expect("closes");
        let now = 1_790_000_000_000;
        let grown = multiply(&url, Wanted::Rows(470), now).await.expect("multiplies");
        assert_eq!((grown.messages, grown.rows), (100, 470));
        assert_eq!(grown.millis(100), now);

        let database = Database::connect(&url).await.expect("connects");
        let of_seven = format!(
            "SELECT count(*) FROM messages m JOIN runs r ON r.message_id = m.id
             JOIN events e ON substr(e.id, 5, 26) = substr(m.id, 5)
             JOIN deliveries d ON d.event_id = e.id JOIN delivery_attempts a ON a.delivery_id = d.id
             WHERE m.id = '{}' AND m.received_at = {}000 AND m.body = x'01' AND e.profile_id = 'prf_2'",
            grown.message(7),
            grown.millis(7)
        );
        let filtered =
            "SELECT count(*) FROM runs WHERE status = 'FILTER_CONDITION_FAILED' AND events = 0".to_owned();
        let late = format!("SELECT count(*) FROM messages WHERE received_at >= {now}000");
        for (query, wanted) in [(of_seven, 1_i64), (filtered, 10), (late, 0)] {
            let query = Statement::from_string(DbBackend::Sqlite, query);
            let row = database.query_one_raw(query).await.expect("answers").expect("a row");
            assert_eq!(row.try_get_by_index::<i64>(0).expect("a number"), wanted);
        }
    }
}
