//! P6: pages and traces of logs that have grown to many rows, and charts of a long time.

use std::time::{Duration, Instant, UNIX_EPOCH};

use anyhow::{Context, ensure};
use tonic::Status;
use tributary_proto::admin::v1::{
    GetMessageTraceRequest, ListDeliveriesRequest, ListMessagesRequest, ListRunsRequest, QueryStatsRequest,
    StatsInterval, log_service_client::LogServiceClient, stats_service_client::StatsServiceClient,
};

use super::{drain, ground::Ground};
use crate::{
    charts,
    client::{Until, closed},
    measure::Histogram,
    multiply::{Grown, Wanted, multiply},
    process::{Calling, Deliveries, Made, Server, calling, make},
    report::{Book, Sample, goals, tell},
    sink::Sink,
};

/// Bookings that everything is copied of.
const SEEDS: u64 = 1_000;
/// How often each page is asked for, each time at another time.
const PAGES: u64 = 100;
/// How often each text is searched for: such pages take long.
const TEXTS: u64 = 20;
const DAY: u64 = 86_400_000;
/// Stands in every body.
const COMMON: &str = "@VISITOR.example";
/// Stands in none.
const ABSENT: &str = "no such text";
/// A text search is given up after so many pages.
const MOST_PAGES: u32 = 10_000;

/// Grows logs, and reads them.
pub(super) async fn measure(ground: &Ground<'_>, book: &mut Book) -> anyhow::Result<()> {
    let database = ground.options.log_database.as_deref();
    let (sink, server) = (Sink::start()?, ground.server_on(database).await?);
    let made = make(&server, Deliveries::Sent(sink.address)).await?;
    closed(&made.target, ground.options.connections, Until::Sent(SEEDS)).await?;
    drain::until("what is delivered", SEEDS, Instant::now(), async || Ok(sink.count())).await?;
    let data = server.data.clone();
    server.stop().await?;

    let (wanted, began) = (ground.options.log_rows(), Instant::now());
    let file = format!("sqlite://{}", data.join("tributary.db").display());
    let now = UNIX_EPOCH.elapsed().context("the clock stands before 1970")?.as_millis() as u64;
    let url = database.unwrap_or(&file);
    let grown = multiply(url, Wanted::Rows(wanted), now).await?;
    let (tenant, source) = (last_segment(&made.tenant), last_segment(&made.source));
    charts::fill(url, &[tenant, source], tenant, now).await?;
    let note = format!(
        "{} rows of {} messages over 30 days, {:.1} GB of {}",
        grown.rows,
        grown.messages,
        grown.bytes as f64 / 1e9,
        if database.is_some() { "Postgres" } else { "SQLite" }
    );
    tell(&format!("  P6: {note}, made in {:.0} s", began.elapsed().as_secs_f64()))?;

    // What was copied is on the disk by then, and not on its way there.
    tokio::task::spawn_blocking(rustix::fs::sync).await?;
    let server = Server::start_on(&ground.binary, &data, database).await?;
    let (logs, stats) = (calling(&server).await?, calling(&server).await?);
    let (logs, stats) = (LogServiceClient::new(logs), StatsServiceClient::new(stats));
    let mut reader = Reader { logs, stats, made, grown };
    let by_time = reader.by_time().await?;
    tell(&format!("  P6: page by time p99 {:.1} ms", by_time.millis(0.99)))?;
    let note_of = |took: &Histogram| format!("p50 {:.1} ms; {note}", took.millis(0.5));
    book.add(&goals::LOG_BY_TIME, Sample::new(by_time.millis(0.99)).noted(note_of(&by_time)));
    let (by_filter, each) = reader.by_filter().await?;
    tell(&format!("  P6: page by filter p99 {:.1} ms: {each}", by_filter.millis(0.99)))?;
    book.add(&goals::LOG_BY_FILTER, Sample::new(by_filter.millis(0.99)).noted(each));
    let (by_text, each) = reader.by_text().await?;
    tell(&format!("  P6: page by text p99 {:.1} ms: {each}", by_text.millis(0.99)))?;
    book.add(&goals::LOG_BY_TEXT, Sample::new(by_text.millis(0.99)).noted(each));
    let trace = reader.trace().await?;
    tell(&format!("  P6: trace p99 {:.1} ms", trace.millis(0.99)))?;
    book.add(&goals::TRACE, Sample::new(trace.millis(0.99)).noted(note_of(&trace)));
    let (chart, each) = reader.charts(now).await?;
    tell(&format!("  P6: chart of {} days p99 {:.1} ms: {each}", charts::DAYS, chart.millis(0.99)))?;
    book.add(&goals::CHART, Sample::new(chart.millis(0.99)).noted(each));
    Ok(())
}

/// Which log is read.
#[derive(Debug, Clone, Copy)]
enum Log {
    Source,
    Workflow,
    Deliveries,
}

struct Reader {
    logs: LogServiceClient<Calling>,
    stats: StatsServiceClient<Calling>,
    made: Made,
    grown: Grown,
}

impl Reader {
    /// A message somewhere in the log: another one for every `number`, far from the one before.
    fn somewhere(&self, number: u64) -> u64 {
        number.wrapping_mul(2_654_435_761) % self.grown.messages
    }

    /// A page; how many entries it has, and what the next one is asked for with.
    async fn page(
        &mut self,
        log: Log,
        filter: String,
        page_token: String,
    ) -> Result<(usize, String), Status> {
        Ok(match log {
            Log::Source => {
                let parent = self.made.source.clone();
                let request = ListMessagesRequest { parent, filter, page_token, ..Default::default() };
                let answer = self.logs.list_messages(request).await?.into_inner();
                (answer.messages.len(), answer.next_page_token)
            }
            Log::Workflow => {
                let parent = self.made.workflow.clone();
                let request = ListRunsRequest { parent, filter, page_token, ..Default::default() };
                let answer = self.logs.list_runs(request).await?.into_inner();
                (answer.runs.len(), answer.next_page_token)
            }
            Log::Deliveries => {
                let parent = self.made.tenant.clone();
                let request = ListDeliveriesRequest { parent, filter, page_token, ..Default::default() };
                let answer = self.logs.list_deliveries(request).await?.into_inner();
                (answer.deliveries.len(), answer.next_page_token)
            }
        })
    }

    async fn by_time(&mut self) -> anyhow::Result<Histogram> {
        let mut took = Histogram::default();
        for number in 0..PAGES {
            for log in [Log::Source, Log::Workflow, Log::Deliveries] {
                let place = self.somewhere(number);
                let filter = format!("time <= {}", self.time(place));
                let asked = Instant::now();
                let (entries, _) = self.page(log, filter, String::new()).await?;
                took.record(asked.elapsed());
                ensure!(entries > 0 || place < 100, "a page of {log:?} is empty");
            }
        }
        Ok(took)
    }

    /// Pages by several filters; how long all of them took, and each kind of them.
    async fn by_filter(&mut self) -> anyhow::Result<(Histogram, String)> {
        let cluid = self.cluid().await?;
        let workflow = last_segment(&self.made.workflow).to_owned();
        let kinds = [
            (Log::Workflow, "often", "status != SUCCEEDED".to_owned()),
            (Log::Workflow, "never", "status = FAILED".to_owned()),
            (Log::Source, "never", "status = DUPLICATE".to_owned()),
            (Log::Source, "cluid", format!("cluid = {cluid}")),
            (Log::Workflow, "person", format!("identifier = 'cluid:{cluid}'")),
            (Log::Deliveries, "often", "state = FAILED".to_owned()),
            (Log::Deliveries, "always", format!("workflow = {workflow}")),
            (Log::Deliveries, "person", format!("identifier = 'cluid:{cluid}'")),
        ];
        let (mut all, mut each) = (Histogram::default(), Vec::new());
        for (log, what, filter) in kinds {
            let mut took = Histogram::default();
            for number in 0..PAGES {
                let before = self.time(self.somewhere(number));
                let asked = Instant::now();
                self.page(log, format!("time < {before} AND {filter}"), String::new()).await?;
                took.record(asked.elapsed());
            }
            each.push(format!("{log:?} {what} {}", middle_and_end(&took)));
            all.add(&took);
        }
        Ok((all, format!("p50 and p99 in ms: {}", each.join(", "))))
    }

    /// Pages of what contains a text within a day: one that all contain, one of few, and one of none. Then the whole day
    /// is searched for the last one.
    async fn by_text(&mut self) -> anyhow::Result<(Histogram, String)> {
        let (mut all, mut each) = (Histogram::default(), Vec::new());
        let few = self.cluid().await?;
        for (what, text) in [("all", COMMON), ("few", &few), ("none", ABSENT)] {
            let mut took = Histogram::default();
            for number in 0..TEXTS {
                let filter = self.in_a_day(self.somewhere(number), text);
                let asked = Instant::now();
                self.page(Log::Source, filter, String::new()).await?;
                took.record(asked.elapsed());
            }
            each.push(format!("{what} {}", middle_and_end(&took)));
            all.add(&took);
        }
        let filter = self.in_a_day(self.grown.messages - 1, ABSENT);
        let (mut pages, mut token, began) = (0, String::new(), Instant::now());
        loop {
            (_, token) = self.page(Log::Source, filter.clone(), token).await?;
            pages += 1;
            if token.is_empty() || pages > MOST_PAGES {
                break;
            }
        }
        let messages = (DAY / self.grown.step).min(self.grown.messages);
        let whole = began.elapsed().as_secs_f64();
        let note = format!(
            "p50 and p99 in ms of a page, by how many contain the text: {}; a whole day of {messages} messages: \
             {whole:.2} s in {pages} pages",
            each.join(", ")
        );
        Ok((all, note))
    }

    async fn trace(&mut self) -> anyhow::Result<Histogram> {
        let mut took = Histogram::default();
        for number in 0..PAGES * 3 {
            let name = self.grown.message(self.somewhere(number));
            let asked = Instant::now();
            let trace = self.logs.get_message_trace(GetMessageTraceRequest { name }).await?.into_inner();
            took.record(asked.elapsed());
            ensure!(trace.runs.len() == 1, "a message has one run");
        }
        Ok(took)
    }

    /// Charts of a long time up to `now`: of hours and of days, of the tenant and of a source.
    async fn charts(&mut self, now: u64) -> anyhow::Result<(Histogram, String)> {
        let (mut all, mut each) = (Histogram::default(), Vec::new());
        let from = now - charts::DAYS * DAY;
        for (of, parent) in [("tenant", self.made.tenant.clone()), ("source", self.made.source.clone())] {
            for (by, interval) in [("hours", StatsInterval::Hour), ("days", StatsInterval::Day)] {
                let mut took = Histogram::default();
                for _ in 0..PAGES {
                    let request = QueryStatsRequest {
                        parent: parent.clone(),
                        interval: interval.into(),
                        start_time: Some(timestamp(from)),
                        end_time: Some(timestamp(now)),
                    };
                    let asked = Instant::now();
                    let answer = self.stats.query_stats(request).await?.into_inner();
                    took.record(asked.elapsed());
                    let total = answer.total.context("no total")?;
                    ensure!(answer.stats.len() as u64 >= charts::DAYS, "a chart is too short");
                    ensure!(total.received_message_count > 0, "a chart is empty");
                }
                each.push(format!("{of} by {by} {}", middle_and_end(&took)));
                all.add(&took);
            }
        }
        Ok((all, format!("p50 and p99 in ms: {}", each.join(", "))))
    }

    /// The cluid of one of the people.
    async fn cluid(&mut self) -> anyhow::Result<String> {
        let request = ListMessagesRequest {
            parent: self.made.source.clone(),
            page_size: 1,
            ..ListMessagesRequest::default()
        };
        let newest = self.logs.list_messages(request).await?.into_inner().messages.pop();
        Ok(newest.and_then(|message| message.cluid).context("there is no message with a cluid")?.value)
    }

    /// The filter of the day that ends with this message.
    fn in_a_day(&self, last: u64, text: &str) -> String {
        let end = self.grown.millis(last) + 1;
        let (from, before) = (rfc3339(end - DAY), rfc3339(end));
        format!("time >= {from} AND time < {before} AND body:\"{text}\"")
    }

    fn time(&self, number: u64) -> String {
        rfc3339(self.grown.millis(number))
    }
}

fn middle_and_end(took: &Histogram) -> String {
    format!("{:.1} {:.1}", took.millis(0.5), took.millis(0.99))
}

/// A time in milliseconds since the epoch as filters want it.
fn rfc3339(millis: u64) -> String {
    timestamp(millis).to_string()
}

fn timestamp(millis: u64) -> prost_types::Timestamp {
    let since = Duration::from_millis(millis);
    prost_types::Timestamp {
        seconds: since.as_secs().cast_signed(),
        nanos: since.subsec_nanos().cast_signed(),
    }
}

fn last_segment(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_filters_want_them() {
        assert_eq!(rfc3339(1_790_000_000_250), "2026-09-21T14:13:20.250Z");
        assert_eq!(last_segment("a/b"), "b");
    }
}
