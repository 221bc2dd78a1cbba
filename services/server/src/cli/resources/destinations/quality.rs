//! `tributary destinations quality`: how well platforms could find people, over time, and what would raise that most.

use tributary_domain::time::Clock;
use tributary_proto::admin::v1::{
    MatchQualityStats, QueryMatchQualityRequest, QueryMatchQualityResponse, StatsInterval,
    match_quality_stats::SignalShare,
};
use tributary_telemetry::ambient::SystemClock;

use crate::cli::{
    client::{Client, refused},
    finder,
    logs::time_of,
    output::{
        Out, json, table,
        time::{NONE, moment, to_proto},
    },
    resources::OfTenant,
    stats::By,
};

/// As many signals stand in a row.
const SHOWN: usize = 4;

/// Of what, and when.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// A destination by its key, id or name; otherwise all of the tenant's
    #[arg(value_name = "DESTINATION")]
    which: Option<String>,
    #[command(flatten)]
    of: OfTenant,
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

/// Shows it.
///
/// # Errors
/// When the server refuses, or there is none such.
pub(super) async fn run(args: &Args, client: &Client, out: &Out) -> anyhow::Result<()> {
    let now = SystemClock.now();
    let moment = |flag, text: &Option<String>| {
        text.as_deref().map(|text| time_of(flag, text, now).map(to_proto)).transpose()
    };
    let tenant = finder::tenant(client, args.of.tenant.as_deref()).await?;
    let parent = match &args.which {
        Some(which) => {
            finder::pick(finder::destinations(client, &tenant, usize::MAX).await?, Some(which))?.name
        }
        None => tenant,
    };
    let request = QueryMatchQualityRequest {
        parent,
        interval: StatsInterval::from(args.by).into(),
        start_time: moment("since", &args.since)?,
        end_time: moment("until", &args.until)?,
    };
    let answer = client.stats().query_match_quality(request).await.map_err(refused)?.into_inner();
    if out.is_json() {
        return Ok(out.json(&json(&answer)?)?);
    }
    show(out, &answer)
}

fn show(out: &Out, answer: &QueryMatchQualityResponse) -> anyhow::Result<()> {
    let pieces = answer.stats.iter().filter(|one| one.delivery_count > 0);
    let mut rows: Vec<_> = pieces.map(|one| row(when(one), one)).collect();
    rows.extend(answer.total.as_ref().map(|total| row("total".to_owned(), total)));
    let of_each = answer
        .destinations
        .iter()
        .filter_map(|one| Some(row(format!("{} ({})", one.display_name, one.platform), one.total.as_ref()?)));
    rows.extend(of_each);
    Ok(table::write(out, &["when", "deliveries", "score", "had", "would raise it"], rows)?)
}

fn row(when: String, stats: &MatchQualityStats) -> Vec<String> {
    let score = match stats.delivery_count {
        0 => NONE.to_owned(),
        _ => format!("{:.0}", stats.average_score),
    };
    let mut had: Vec<&SignalShare> = stats.signals.iter().filter(|signal| signal.share > 0.0).collect();
    had.sort_by(|one, other| other.share.total_cmp(&one.share));
    let had = had.iter().take(SHOWN).map(|signal| format!("{} {:.0} %", signal.name, signal.share * 100.0));
    // By less than half a point is by nothing.
    let missing = stats.signals.iter().filter(|signal| signal.gain >= 0.5).take(SHOWN);
    let missing = missing.map(|signal| format!("{} +{:.0}", signal.name, signal.gain));
    vec![
        when,
        stats.delivery_count.to_string(),
        score,
        had.collect::<Vec<_>>().join(", "),
        missing.collect::<Vec<_>>().join(", "),
    ]
}

fn when(stats: &MatchQualityStats) -> String {
    if stats.date.is_empty() {
        // To the minute: hours begin with one.
        return moment(stats.start_time.as_ref()).chars().take(16).collect();
    }
    stats.date.clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_raise_the_score_most_comes_first() {
        let signal = |name: &str, share, gain| SignalShare {
            name: name.to_owned(),
            share,
            gain,
            ..SignalShare::default()
        };
        let stats = MatchQualityStats {
            delivery_count: 10,
            average_score: 41.6,
            signals: vec![signal("phone", 0.25, 12.0), signal("fbp", 0.0, 8.0), signal("email", 1.0, 0.0)],
            ..MatchQualityStats::default()
        };
        let row = row("total".to_owned(), &stats);
        assert_eq!(row, ["total", "10", "42", "email 100 %, phone 25 %", "phone +12, fbp +8"]);
    }
}
