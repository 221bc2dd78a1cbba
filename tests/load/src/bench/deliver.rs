//! P5: from accepted to delivered.

use std::time::{Duration, Instant};

use super::{drain, ground::Ground};
use crate::{
    client::{Until, closed},
    measure::Line,
    process::{Deliveries, cpu_time, prepare},
    report::{Book, Sample, goals, tell},
    sink::Sink,
};

/// How many messages are sent for each second that the load should last: what the goal asks for.
const EACH_SECOND: u64 = 4_000;

/// What was found.
#[derive(Debug)]
pub(super) struct Found {
    rate: f64,
    lines: Vec<Line>,
    note: String,
}

/// Sends bookings as fast as they are accepted, and waits until the last is delivered.
pub(super) async fn measure(ground: &Ground<'_>) -> anyhow::Result<Found> {
    let (sink, server) = (Sink::start()?, ground.server().await?);
    let target = prepare(&server, Deliveries::Sent(sink.address)).await?;
    let before = cpu_time(server.process_id())?;
    let began = Instant::now();
    let all = ground.options.seconds * EACH_SECOND;
    let sending = closed(&target, ground.options.connections, Until::Sent(all));
    let watching = drain::until("what is delivered", all, began, async || Ok(sink.count()));
    let (sent, counts) = tokio::join!(sending, watching);
    let (sent, counts) = (sent?, counts?);
    let took = sink.last().map_or(Duration::MAX, |last| last.saturating_duration_since(began));
    let cpu = cpu_time(server.process_id())?.saturating_sub(before);
    let rate = all as f64 / took.as_secs_f64();
    let note = format!(
        "{all} messages, accepted in {:.1} s; {:.0} µs of CPU each",
        sent.took.as_secs_f64(),
        super::cpu_each(cpu, all)
    );
    tell(&format!("  P5: {rate:.0}/s delivered ({note})"))?;
    Ok(Found { rate, lines: vec![Line::of_counts("P5 delivered", &drain::thinned(&counts))], note })
}

impl Found {
    /// Writes it down, compared with the ceiling.
    pub(super) fn note_in(self, book: &mut Book, ceiling: f64) {
        book.add(
            &goals::DELIVERED,
            Sample::new(self.rate).against(ceiling).noted(self.note).drawn(self.lines),
        );
    }
}
