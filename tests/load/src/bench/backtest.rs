//! P9: how long a backtest takes, and what it does to those who send meanwhile.

use std::time::{Duration, Instant, UNIX_EPOCH};

use anyhow::{Context, bail, ensure};
use prost_types::Timestamp;
use tributary_proto::admin::v1::{
    BacktestWorkflowRequest, ListMessagesRequest, WatchOperationRequest,
    log_service_client::LogServiceClient, operation::State, operation_service_client::OperationServiceClient,
    workflow_service_client::WorkflowServiceClient,
};

use super::{drain, ground::Ground};
use crate::{
    client::{Until, closed, open},
    measure::{Histogram, Series},
    process::{Calling, Deliveries, Made, calling, make},
    report::{Book, Sample, goals, tell},
    sink::Sink,
};

/// How many messages are compared: what the goal asks for.
const MESSAGES: u64 = 100_000;
/// Requests a second while it is compared.
const RATE: u32 = 1_000;
/// Not measured: connections are opened, configurations loaded.
const WARM_UP: Duration = Duration::from_secs(1);
/// Rests between the parts, so that none of one is done in the next.
const REST: Duration = Duration::from_secs(3);

/// What senders felt for as long as a load lasted.
struct Felt {
    accepted: Histogram,
    committed: Histogram,
    first_byte: Histogram,
}

/// Fills a log, and compares it with the same workflow: once alone, then again and again while a thousand a second come.
pub(super) async fn measure(ground: &Ground<'_>, book: &mut Book) -> anyhow::Result<()> {
    let (sink, server) = (Sink::start()?, ground.server().await?);
    let made = make(&server, Deliveries::Sent(sink.address)).await?;
    let mut bench = Bench { ground, sink, calling: calling(&server).await?, made, sent: 0 };
    let start = bench.fill().await?;
    let end = now()?;
    tokio::time::sleep(REST).await;
    let alone = compare(&bench.calling, &bench.made.workflow, start, end).await?;
    tell(&format!("  P9: {MESSAGES} messages in {:.1} s", alone.as_secs_f64()))?;
    bench.load(WARM_UP).await?;
    tokio::time::sleep(REST).await;
    let without = bench.load(ground.options.duration()).await?;
    tokio::time::sleep(REST).await;

    let (calling, workflow) = (bench.calling.clone(), bench.made.workflow.clone());
    let (with, under) = tokio::join!(bench.load(ground.options.duration()), async {
        let until = Instant::now() + ground.options.duration();
        let first = compare(&calling, &workflow, start, end).await?;
        // It goes on for as long as the load lasts.
        while Instant::now() < until {
            compare(&calling, &workflow, start, end).await?;
        }
        anyhow::Ok(first)
    });
    let (with, under) = (with?, under?);
    let note = format!("{:.1} s with nothing else to do", alone.as_secs_f64());
    tell(&format!("  P9: {:.1} s at {RATE}/s ({note})", under.as_secs_f64()))?;
    book.add(&goals::BACKTEST, Sample::new(under.as_secs_f64()).noted(note));
    for (goal, without, with) in [
        (&goals::BACKTEST_ACCEPTED, &without.accepted, &with.accepted),
        (&goals::BACKTEST_COMMITTED, &without.committed, &with.committed),
        (&goals::BACKTEST_FIRST_BYTE, &without.first_byte, &with.first_byte),
    ] {
        let (without, with) = (without.millis(0.99), with.millis(0.99));
        let note = format!("{without:.2} ms without, {with:.2} ms with");
        tell(&format!("  P9: {}: {note}", goal.what))?;
        book.add(goal, Sample::new(with / without).noted(note));
    }
    Ok(())
}

struct Bench<'a> {
    ground: &'a Ground<'a>,
    sink: Sink,
    calling: Calling,
    made: Made,
    /// How many messages were sent.
    sent: u64,
}

impl Bench<'_> {
    /// Fills the log; when that began.
    async fn fill(&mut self) -> anyhow::Result<Timestamp> {
        let (start, began) = (now()?, Instant::now());
        let sent = closed(&self.made.target, self.ground.options.connections, Until::Sent(MESSAGES)).await?;
        self.sent += sent.accepted;
        self.delivered(began).await?;
        Ok(start)
    }

    async fn delivered(&self, began: Instant) -> anyhow::Result<()> {
        let count = async || Ok(self.sink.count());
        drain::until("what is delivered", self.sent, began, count).await.map(drop)
    }

    /// A thousand a second for so long, until the last is delivered.
    async fn load(&mut self, lasting: Duration) -> anyhow::Result<Felt> {
        let (start, began) = (now()?, Instant::now());
        let (sent, due) = open(&self.made.target, self.ground.options.connections, RATE, lasting).await?;
        ensure!(sent.refused == 0, "{} requests were refused: less than {RATE}/s was measured", sent.refused);
        self.sent += sent.accepted;
        self.delivered(began).await?;
        let mut first_byte = Series::new(began);
        for (person, due) in due {
            if let Some(arrived) = self.sink.arrival(person) {
                first_byte.record(arrived, arrived.saturating_duration_since(due));
            }
        }
        let committed = self.committed(start, sent.accepted).await?;
        Ok(Felt { accepted: sent.series.total(), committed, first_byte: first_byte.total() })
    }

    /// From accepted to committed, of what came from `start` on.
    async fn committed(&self, start: Timestamp, wanted: u64) -> anyhow::Result<Histogram> {
        let mut logs = LogServiceClient::new(self.calling.clone());
        let (mut took, mut page_token) = (Histogram::default(), String::new());
        loop {
            let request = ListMessagesRequest {
                parent: self.made.source.clone(),
                filter: format!("time >= {start}"),
                page_size: 200,
                page_token,
                ..ListMessagesRequest::default()
            };
            let page = logs.list_messages(request).await?.into_inner();
            for message in page.messages {
                let (received, processed) = (message.receive_time, message.process_time);
                let between = received.zip(processed).map(|(one, other)| micros(&other) - micros(&one));
                let between = between.context("a message has no times")?;
                took.record(Duration::from_micros(u64::try_from(between).unwrap_or(0)));
            }
            if page.next_page_token.is_empty() {
                break;
            }
            page_token = page.next_page_token;
        }
        ensure!(took.count() >= wanted, "{} of {wanted} messages are in the log", took.count());
        Ok(took)
    }
}

/// Compares all that was received between two times; how long that took.
async fn compare(
    calling: &Calling,
    workflow: &str,
    start: Timestamp,
    end: Timestamp,
) -> anyhow::Result<Duration> {
    let began = Instant::now();
    let request = BacktestWorkflowRequest {
        name: workflow.to_owned(),
        start_time: Some(start),
        end_time: Some(end),
        ..BacktestWorkflowRequest::default()
    };
    let mut workflows = WorkflowServiceClient::new(calling.clone());
    let name = workflows.backtest_workflow(request).await?.into_inner().name;
    let mut operations = OperationServiceClient::new(calling.clone());
    let mut told = operations.watch_operation(WatchOperationRequest { name }).await?.into_inner();
    while let Some(operation) = told.message().await? {
        match operation.state() {
            State::Running => {}
            State::Succeeded => {
                let took = began.elapsed();
                let report = operation.backtest_report.context("a backtest without a report")?;
                ensure!(report.message_count.unsigned_abs() == MESSAGES, "{report:?}");
                ensure!(
                    report.same,
                    "the same workflow made something else of the same messages: {report:?}"
                );
                return Ok(took);
            }
            _ => bail!("the backtest ended otherwise: {}", operation.error),
        }
    }
    bail!("the server stopped")
}

fn micros(time: &Timestamp) -> i64 {
    time.seconds * 1_000_000 + i64::from(time.nanos) / 1_000
}

fn now() -> anyhow::Result<Timestamp> {
    let since = UNIX_EPOCH.elapsed().context("the clock stands before 1970")?;
    Ok(Timestamp { seconds: since.as_secs().cast_signed(), nanos: since.subsec_nanos().cast_signed() })
}
