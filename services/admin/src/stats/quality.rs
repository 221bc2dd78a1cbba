//! How well platforms could find the people of what was delivered.

use tonic::Status;
use tributary_connectors::destinations::{self, Signal};
use tributary_domain::{
    id::DestinationId,
    stats::{Counts, Metric, SIGNALS},
};
use tributary_proto::admin::v1::{
    MatchQualityStats, QueryMatchQualityRequest, QueryMatchQualityResponse, match_quality_stats::SignalShare,
    query_match_quality_response::OfDestination,
};
use tributary_store::{
    LARGEST_PAGE, Page, Show,
    destination::DestinationRecord,
    stats::{StatsRange, StatsSeries},
};

use super::{convert, period};
use crate::{
    call::{Call, Located},
    error::from_store,
    name::TenantPath,
};

/// Answers QueryMatchQuality.
pub(super) async fn query(
    call: &Call<'_>,
    request: QueryMatchQualityRequest,
) -> Result<QueryMatchQualityResponse, Status> {
    let (path, destination) = match TenantPath::parse("parent", &request.parent) {
        Ok(path) => (path, None),
        Err(_) => {
            let (path, id) = TenantPath::child::<DestinationId>("parent", &request.parent, "destinations")?;
            (path, Some(id))
        }
    };
    let asked = period::Asked::of(request.interval, request.start_time, request.end_time)?;
    let located = call.locate(path).await?;
    let time_zone = located.record.settings.time_zone.clone();
    let range = asked.range(call.clock.now(), &time_zone)?;
    let Some(id) = destination else {
        let found = located.scope.stats(None, range, &time_zone).await.map_err(from_store)?;
        let (stats, total) = series(&found, range, &time_zone, None);
        let destinations = each(&located, range, &time_zone).await?;
        return Ok(QueryMatchQualityResponse { stats, total: Some(total), destinations, time_zone });
    };
    let record = located.scope.destination(id).await.map_err(from_store)?;
    let found = located.scope.stats_of_destination(id, range, &time_zone).await.map_err(from_store)?;
    let (stats, total) = series(&found, range, &time_zone, Some(signals(&record)));
    Ok(QueryMatchQualityResponse { stats, total: Some(total), destinations: Vec::new(), time_zone })
}

/// The totals of each destination to which anything was delivered that counts.
async fn each(
    located: &Located<'_>,
    range: StatsRange,
    time_zone: &str,
) -> Result<Vec<OfDestination>, Status> {
    let page = Page::first(LARGEST_PAGE);
    let records = located.scope.destinations(Show::Live, page).await.map_err(from_store)?.items;
    let mut told = Vec::new();
    for record in records.iter().filter(|record| !signals(record).is_empty()) {
        let found = located.scope.stats_of_destination(record.id, range, time_zone).await;
        let (_, total) = series(&found.map_err(from_store)?, range, time_zone, Some(signals(record)));
        if total.delivery_count > 0 {
            told.push(OfDestination {
                destination: located.names.destination(record.id),
                display_name: record.display_name.clone(),
                platform: record.platform.clone(),
                total: Some(total),
            });
        }
    }
    Ok(told)
}

/// What a destination's platform finds people by.
fn signals(record: &DestinationRecord) -> &'static [Signal] {
    destinations::find(&record.platform).map_or(&[], |platform| platform.about().signals)
}

/// Every piece of time of a range, and all of them together; `signals` are those of the one platform that it is about.
fn series(
    series: &StatsSeries,
    range: StatsRange,
    time_zone: &str,
    signals: Option<&'static [Signal]>,
) -> (Vec<MatchQualityStats>, MatchQualityStats) {
    let nothing = Counts::default();
    let mut total = Counts::default();
    let stats = (range.from..range.to).map(|place| {
        let counts = series.get(&place).unwrap_or(&nothing);
        total.merge(counts);
        let (start_time, date) = convert::piece(place, range, time_zone);
        MatchQualityStats { start_time: Some(start_time), date, ..to_proto(counts, signals) }
    });
    let stats: Vec<MatchQualityStats> = stats.collect();
    let start_time = stats.first().and_then(|first| first.start_time);
    (stats, MatchQualityStats { start_time, ..to_proto(&total, signals) })
}

fn to_proto(counts: &Counts, of: Option<&'static [Signal]>) -> MatchQualityStats {
    let all = counts.of(Metric::Matched);
    if all == 0 {
        return MatchQualityStats::default();
    }
    let part = |metric: Option<Metric>| convert::share(metric.map_or(0, |metric| counts.of(metric)), all);
    let mut signals: Vec<SignalShare> = match of {
        Some(of) => of
            .iter()
            .map(|signal| {
                let share = part(Metric::signal(signal.name));
                let gain = (1.0 - share) * f64::from(signal.points);
                SignalShare { name: signal.name.to_owned(), share, gain, how: signal.how.to_owned() }
            })
            .collect(),
        None => SIGNALS
            .iter()
            .map(|name| SignalShare {
                name: (*name).to_owned(),
                share: part(Metric::signal(name)),
                ..SignalShare::default()
            })
            .filter(|signal| signal.share > 0.0)
            .collect(),
    };
    signals.sort_by(|one, other| {
        other.gain.total_cmp(&one.gain).then_with(|| other.share.total_cmp(&one.share))
    });
    MatchQualityStats {
        start_time: None,
        date: String::new(),
        delivery_count: i64::try_from(all).unwrap_or(i64::MAX),
        average_score: part(Some(Metric::MatchPoints)),
        signals,
    }
}
