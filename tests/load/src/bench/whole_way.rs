//! P2: the whole way, until a message is committed with everything that follows from it.

use anyhow::ensure;

use super::{drain, ground::Ground};
use crate::{
    client::{Target, Until, closed},
    measure::Line,
    process::{Deliveries, Server, cpu_time, prepare},
    report::{Book, Sample, goals, tell},
};

/// How many messages are sent for each second that the load should last: what the goal asks for.
const EACH_SECOND: u64 = 10_000;

/// What was found.
#[derive(Debug)]
pub(super) struct Found {
    rate: f64,
    lines: Vec<Line>,
    note: String,
}

/// Sends bookings of different people as fast as they are accepted, and waits until all are committed: accepting
/// and committing share the time that is measured.
pub(super) async fn measure(ground: &Ground<'_>) -> anyhow::Result<Found> {
    let server = ground.server().await?;
    let target = prepare(&server, Deliveries::Wait).await?;
    on(ground, &server, &target).await
}

/// The same on this server, which was just started.
pub(super) async fn on(ground: &Ground<'_>, server: &Server, target: &Target) -> anyhow::Result<Found> {
    let before = (cpu_time(server.process_id())?, server.counters().await?.committed());
    let began = std::time::Instant::now();
    let count = async || Ok(server.counters().await?.committed().saturating_sub(before.1));
    let all = ground.options.seconds * EACH_SECOND;
    let sending = closed(target, ground.options.connections, Until::Sent(all));
    // Both at once, so that the chart begins where the load does.
    let watching = drain::until("what is committed", all, began, count);
    let (sent, counts) = tokio::join!(sending, watching);
    let (sent, counts) = (sent?, counts?);
    let took = began.elapsed();
    let cpu = cpu_time(server.process_id())?.saturating_sub(before.0);
    let counters = server.counters().await?;
    ensure!(sent.refused == 0, "{} requests were refused: this is no measure of the whole way", sent.refused);
    ensure!(
        counters.succeeded() == all,
        "{} of {all} runs succeeded: something else than the whole way was measured",
        counters.succeeded()
    );
    let rate = all as f64 / took.as_secs_f64();
    let note = format!(
        "{all} messages, accepted in {:.1} s; {:.0} in a transaction; {:.0} µs of CPU each",
        sent.took.as_secs_f64(),
        all as f64 / counters.commits().max(1) as f64,
        super::cpu_each(cpu, all)
    );
    tell(&format!("  P2: {rate:.0}/s committed ({note})"))?;
    Ok(Found { rate, lines: vec![Line::of_counts("P2 committed", &drain::thinned(&counts))], note })
}

impl Found {
    /// Messages a second.
    pub(super) fn rate(&self) -> f64 {
        self.rate
    }

    /// Writes it down, compared with the ceiling.
    pub(super) fn note_in(self, book: &mut Book, ceiling: f64) {
        book.add(
            &goals::WHOLE_WAY,
            Sample::new(self.rate).against(ceiling).noted(self.note).drawn(self.lines),
        );
    }
}
