//! `tributary stats`: what happened over time, with bars that show where it was much.

use clap::ValueEnum;
use tributary_domain::{
    time::{Clock, Timestamp},
    workflow::status::RunStatus,
};
use tributary_proto::admin::v1::{
    QueryAgencyStatsRequest, QueryAgencyStatsResponse, QueryStatsRequest, QueryStatsResponse, Stats,
    StatsInterval, run_status::Code, stats::Latency,
};
use tributary_telemetry::ambient::SystemClock;

use super::{
    client::{Client, refused},
    finder,
    logs::time_of,
    output::{Out, json, table, time},
};

/// How wide the widest bar is, in characters.
const WIDEST: u64 = 12;
/// Eighths of a character, from none to seven.
const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/// Of what, and when.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A source by its key, id or name; otherwise the whole tenant
    #[arg(value_name = "SOURCE", conflicts_with = "agency")]
    source: Option<String>,
    /// The tenant's key, id or name; not needed where there is one only
    #[arg(long, value_name = "TENANT", conflicts_with = "agency")]
    tenant: Option<String>,
    /// All tenants of this agency together
    #[arg(long, value_name = "AGENCY")]
    agency: Option<String>,
    /// How long each piece of time is
    #[arg(long, value_enum, default_value_t = By::Day)]
    by: By,
    /// From then on: a time such as 2026-01-31T09:30:00Z, or how long ago: 90s, 15m, 2h, 7d [default: 48h or 30d]
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Until then
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
}

/// How long each piece of time is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum By {
    /// Hours of UTC
    Hour,
    /// Days of the tenant's time zone
    Day,
}

impl From<By> for StatsInterval {
    fn from(by: By) -> Self {
        match by {
            By::Hour => Self::Hour,
            By::Day => Self::Day,
        }
    }
}

/// Shows what happened.
///
/// # Errors
/// When the server refuses, there is none such, or standard output cannot be written to.
pub(super) async fn run(args: &Args, client: &Client, out: &Out) -> anyhow::Result<()> {
    let now = SystemClock.now();
    let interval = StatsInterval::from(args.by);
    let moment = |flag, text: &Option<String>| {
        text.as_deref().map(|text| time_of(flag, text, now).map(to_proto)).transpose()
    };
    let (start_time, end_time) = (moment("since", &args.since)?, moment("until", &args.until)?);
    if let Some(agency) = &args.agency {
        let parent = finder::agency(client, Some(agency)).await?;
        let request = QueryAgencyStatsRequest { parent, interval: interval.into(), start_time, end_time };
        let answer = client.stats().query_agency_stats(request).await.map_err(refused)?.into_inner();
        if out.is_json() {
            return Ok(out.json(&json(&answer)?)?);
        }
        let QueryAgencyStatsResponse { stats, total } = answer;
        return show(out, &stats, total.as_ref());
    }
    let tenant = finder::tenant(client, args.tenant.as_deref()).await?;
    let parent = match &args.source {
        Some(source) => finder::pick(finder::sources(client, &tenant, usize::MAX).await?, Some(source))?.name,
        None => tenant,
    };
    let request = QueryStatsRequest { parent, interval: interval.into(), start_time, end_time };
    let answer = client.stats().query_stats(request).await.map_err(refused)?.into_inner();
    if out.is_json() {
        return Ok(out.json(&json(&answer)?)?);
    }
    let QueryStatsResponse { stats, total, .. } = answer;
    show(out, &stats, total.as_ref())
}

fn to_proto(time: Timestamp) -> prost_types::Timestamp {
    let nanos = time.micros().rem_euclid(1_000_000) * 1_000;
    prost_types::Timestamp { seconds: time.seconds(), nanos: i32::try_from(nanos).unwrap_or_default() }
}

const COLUMNS: [&str; 11] = [
    "when",
    "messages",
    "",
    "refused",
    "ran well",
    "other ends",
    "with cluid",
    "new people",
    "delivered",
    "given up",
    "processed in (p50, p99)",
];

fn show(out: &Out, stats: &[Stats], total: Option<&Stats>) -> anyhow::Result<()> {
    let most = stats.iter().map(|stats| stats.received_message_count).max().unwrap_or(0);
    let row = |stats: &Stats, when: String, bar: String| {
        let well = runs(stats, |code| code == Code::Succeeded);
        let other = runs(stats, |code| code != Code::Succeeded);
        let share = match stats.received_message_count {
            0 => time::NONE.to_owned(),
            _ => format!("{:.0} %", stats.cluid_share * 100.0),
        };
        vec![
            when,
            stats.received_message_count.to_string(),
            bar,
            stats.rejected_request_count.to_string(),
            well.to_string(),
            other.to_string(),
            share,
            stats.new_profile_count.to_string(),
            stats.delivered_count.to_string(),
            stats.failed_delivery_count.to_string(),
            latency(stats.processing.as_ref()),
        ]
    };
    let mut rows: Vec<_> =
        stats.iter().map(|one| row(one, when(one), bar(one.received_message_count, most))).collect();
    rows.extend(total.map(|total| row(total, "total".to_owned(), String::new())));
    table::write(out, &COLUMNS, rows)?;
    for run in total.into_iter().flat_map(|total| &total.run_counts) {
        let Some(status) = &run.status else { continue };
        let code = status.code().as_str_name().trim_start_matches("CODE_").to_owned();
        let name = RunStatus::from_code(&code).map_or(code, |known| known.display_name().to_owned());
        out.line(&format!("{:>10}  {name}", run.count))?;
    }
    Ok(())
}

fn when(stats: &Stats) -> String {
    if stats.date.is_empty() {
        // To the minute: hours begin with one.
        return time::moment(stats.start_time.as_ref()).chars().take(16).collect();
    }
    stats.date.clone()
}

fn runs(stats: &Stats, wanted: impl Fn(Code) -> bool) -> i64 {
    let counted = stats.run_counts.iter().filter(|run| run.status.as_ref().is_some_and(|s| wanted(s.code())));
    counted.map(|run| run.count).sum()
}

fn latency(latency: Option<&Latency>) -> String {
    match latency.and_then(|latency| Some((latency.p50.as_ref()?, latency.p99.as_ref()?))) {
        Some((half, nearly_all)) => format!("{}, {}", time::of_proto(half), time::of_proto(nearly_all)),
        None => time::NONE.to_owned(),
    }
}

/// A bar as long as `count` is of `most`; at least a sliver for anything.
fn bar(count: i64, most: i64) -> String {
    let (count, most) = (u64::try_from(count).unwrap_or(0), u64::try_from(most).unwrap_or(0));
    if count == 0 || most == 0 {
        return String::new();
    }
    let eighths = (u128::from(count) * u128::from(WIDEST) * 8).div_ceil(u128::from(most));
    let (whole, rest) = (usize::try_from(eighths / 8), usize::try_from(eighths % 8));
    format!("{}{}", "█".repeat(whole.unwrap_or(0)), EIGHTHS[rest.unwrap_or(0)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_as_what_they_stand_for() {
        for (count, most, expected) in [
            (0, 10, ""),
            (10, 10, "████████████"),
            (5, 10, "██████"),
            (1, 1_000_000, "▏"),
            (1, 12, "█"),
            (1, 24, "▌"),
            (0, 0, ""),
        ] {
            assert_eq!(bar(count, most), expected, "{count} of {most}");
        }
    }
}
