//! What charts are made of: counts of every hour and day of a long time, written as the house keeps them.

use anyhow::Context;
use sea_orm::{ConnectionTrait, Database, DbBackend};

/// For so many days.
pub(crate) const DAYS: u64 = 90;
const HOUR: u64 = 3_600_000;

/// Writes counts for each of these scopes, which are ids, of hours and days up to `now`, in milliseconds since the epoch;
/// `tenant` is whose they are.
pub(crate) async fn fill(url: &str, scopes: &[&str], tenant: &str, now: u64) -> anyhow::Result<()> {
    let database = Database::connect(url).await?;
    let hex: String = packed().iter().map(|byte| format!("{byte:02x}")).collect();
    let (series, counts) = match database.get_database_backend() {
        DbBackend::Sqlite => (
            "WITH RECURSIVE s(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM s WHERE n < {last})",
            format!("x'{hex}'"),
        ),
        _ => (
            "WITH s AS (SELECT generate_series({first}::bigint, {last}::bigint) AS n)",
            format!("'\\x{hex}'::bytea"),
        ),
    };
    // How the spans of time are coded: hours and days since the epoch.
    for (span, each) in [(1, HOUR), (2, 24 * HOUR)] {
        let last = now / each - 1;
        let first = last + 1 - DAYS * 24 * HOUR / each;
        let series = series.replace("{first}", &first.to_string()).replace("{last}", &last.to_string());
        for scope in scopes {
            let sql = format!(
                "INSERT INTO stats (scope_id, span, place, tenant_id, counts) {series} \
                 SELECT '{scope}', {span}, n, '{tenant}', {counts} FROM s"
            );
            database.execute_unprepared(&sql).await.with_context(|| format!("refused: {sql}"))?;
        }
    }
    database.close().await?;
    Ok(())
}

/// The counts of a busy piece of time: for each metric how far its code is from the one before, and how often it was counted.
fn packed() -> Vec<u8> {
    let codes =
        (1_u64..=16).chain([100, 102, 103]).chain(1_020..1_040).chain(2_020..2_040).chain(3_030..3_050);
    let (mut packed, mut before) = (Vec::new(), 0);
    for code in codes {
        for mut number in [code - before, code * 17] {
            while number >= 0x80 {
                packed.push((number & 0x7f) as u8 | 0x80);
                number >>= 7;
            }
            packed.push(number as u8);
        }
        before = code;
    }
    packed
}
