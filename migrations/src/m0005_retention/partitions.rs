//! On Postgres, what every message adds rows to is partitioned by the time of the message, so that what is old goes with
//! its partition. SQLite stays as it is.

use sea_orm_migration::{
    DbErr, SchemaManager,
    sea_orm::{ConnectionTrait, DbBackend, Statement},
};

/// A table that is partitioned by an id, which begins with the time of a message.
struct Parted {
    table: &'static str,
    /// The column with the id; it is in the primary key, as Postgres wants it.
    by: &'static str,
    /// What those ids begin with.
    prefix: &'static str,
    primary_key: &'static str,
    /// An index besides: its name, and what it is on.
    index: Option<(&'static str, &'static str)>,
}

const TABLES: [Parted; 5] = [
    Parted {
        table: "messages",
        by: "id",
        prefix: "msg",
        primary_key: "id",
        index: Some(("ix_messages_tenant_id_source_id_id", "(tenant_id, source_id, id)")),
    },
    Parted {
        table: "runs",
        by: "message_id",
        prefix: "msg",
        primary_key: "tenant_id, workflow_id, message_id",
        index: None,
    },
    Parted {
        table: "events",
        by: "id",
        prefix: "evt",
        primary_key: "tenant_id, id",
        index: Some(("ix_events_tenant_id_profile_id_id", "(tenant_id, profile_id, id)")),
    },
    Parted {
        table: "deliveries",
        by: "id",
        prefix: "dlv",
        primary_key: "tenant_id, id",
        index: Some((
            "ix_deliveries_destination_id_due_at",
            "(destination_id, due_at) WHERE state = 'PENDING'",
        )),
    },
    Parted {
        table: "delivery_attempts",
        by: "delivery_id",
        prefix: "dlv",
        primary_key: "tenant_id, delivery_id, number",
        index: None,
    },
];

const DAY: i64 = 24 * 60 * 60 * 1000;

pub(super) async fn up(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    if manager.get_database_backend() != DbBackend::Postgres {
        return Ok(());
    }
    let connection = manager.get_connection();
    let end = end_of_week(connection).await?;
    for table in &TABLES {
        table.convert(connection, &end).await?;
    }
    Ok(())
}

/// When the week ends that is under way: weeks begin on Mondays, in UTC.
struct End {
    /// As `YYYYMMDD`.
    day: String,
    /// How an id of that time goes on after its prefix.
    id: String,
}

async fn end_of_week(connection: &impl ConnectionTrait) -> Result<End, DbErr> {
    let now = number(connection, "SELECT (extract(epoch FROM now()) * 1000)::bigint").await?;
    // The first day of 1970 was a Thursday.
    let week = (now / DAY + 3).div_euclid(7);
    let end = ((week + 1) * 7 - 3) * DAY;
    let day = format!("SELECT to_char(to_timestamp({end} / 1000) AT TIME ZONE 'UTC', 'YYYYMMDD')::bigint");
    Ok(End { day: number(connection, &day).await?.to_string(), id: time_of_id(end) })
}

async fn number(connection: &impl ConnectionTrait, sql: &str) -> Result<i64, DbErr> {
    let row = connection.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
    let row = row.ok_or_else(|| DbErr::RecordNotFound(sql.to_owned()))?;
    row.try_get_by_index(0)
}

/// The characters of an id that tell its time, as ids are written.
fn time_of_id(millis: i64) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let letter = |place: u32| char::from(ALPHABET[(millis >> (5 * place) & 31) as usize]);
    (0..10).rev().map(letter).collect()
}

impl Parted {
    /// Puts a partitioned table in the place of the one that is there. Its rows are not moved: the table becomes the
    /// partition of all that is older than the end of this week. Only rows that claim to be of a later time go to the
    /// partition for what fits nowhere.
    async fn convert(&self, connection: &impl ConnectionTrait, end: &End) -> Result<(), DbErr> {
        let Self { table, by, prefix, primary_key, index } = self;
        let (old, bound) = (format!("{table}_before_{}", end.day), format!("{prefix}_{}", end.id));
        let mut steps = vec![
            format!("ALTER TABLE {table} RENAME TO {old}"),
            format!("ALTER INDEX {table}_pkey RENAME TO {old}_pkey"),
        ];
        if let Some((name, _)) = index {
            steps.push(format!("ALTER INDEX {name} RENAME TO {name}_before"));
        }
        steps.extend([
            format!("CREATE TABLE {table} (LIKE {old} INCLUDING DEFAULTS) PARTITION BY RANGE ({by})"),
            format!("ALTER TABLE {table} ADD PRIMARY KEY ({primary_key})"),
        ]);
        if let Some((name, on)) = index {
            steps.push(format!("CREATE INDEX {name} ON {table} {on}"));
        }
        steps.push(format!("CREATE TABLE {table}_rest PARTITION OF {table} DEFAULT"));
        for step in &steps {
            connection.execute_unprepared(step).await?;
        }
        if number(connection, &format!("SELECT count(*) FROM (SELECT 1 FROM {old} LIMIT 1) rows")).await? == 0
        {
            connection.execute_unprepared(&format!("DROP TABLE {old}")).await?;
            return Ok(());
        }
        for step in [
            format!("INSERT INTO {table} SELECT * FROM {old} WHERE {by} >= '{bound}'"),
            format!("DELETE FROM {old} WHERE {by} >= '{bound}'"),
            format!("ALTER TABLE {table} ATTACH PARTITION {old} FOR VALUES FROM (MINVALUE) TO ('{bound}')"),
        ] {
            connection.execute_unprepared(&step).await?;
        }
        Ok(())
    }
}
