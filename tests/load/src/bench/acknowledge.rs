//! P1: a message is acknowledged once it is durable.

use anyhow::ensure;

use super::ground::Ground;
use crate::{
    client::{Until, closed, open},
    measure::Line,
    process::{Deliveries, cpu_time, prepare},
    report::{Book, Sample, goals, tell},
};

/// Requests a second while the ledger works off what the closed loop left.
const RATE: u32 = 1_000;

/// What was found.
#[derive(Debug)]
pub(super) struct Found {
    rate: f64,
    p99: f64,
    lines: Vec<Line>,
    notes: [String; 2],
}

/// First as many as are answered; then, while the ledger is behind and works at full speed, a thousand a second.
pub(super) async fn measure(ground: &Ground<'_>) -> anyhow::Result<Found> {
    let server = ground.server().await?;
    let target = prepare(&server, Deliveries::Wait).await?;
    let (before, connections) = (cpu_time(server.process_id())?, ground.options.connections);
    let full = closed(&target, connections, Until::Elapsed(ground.options.duration())).await?;
    let cpu = cpu_time(server.process_id())?.saturating_sub(before);
    let behind = full.accepted.saturating_sub(server.counters().await?.committed());
    let (steady, _) = open(&target, connections, RATE, ground.options.duration()).await?;
    let left = (full.accepted + steady.accepted).saturating_sub(server.counters().await?.committed());
    ensure!(steady.refused == 0, "{} requests were refused: less than {RATE}/s was measured", steady.refused);
    ensure!(
        left >= u64::from(RATE),
        "the ledger was only {left} messages behind in the end, so it did not work at full speed all the time: \
         give it more with a longer --seconds, or more --connections"
    );
    let (loaded, calm) = (full.series.total(), steady.series.total());
    let notes = [
        format!(
            "p50 {:.2} ms, p99 {:.2} ms, {} refused; {:.1} µs of CPU each, the ledger's work meanwhile included",
            loaded.millis(0.5),
            loaded.millis(0.99),
            full.refused,
            super::cpu_each(cpu, full.accepted)
        ),
        format!(
            "p50 {:.2} ms, p99.9 {:.2} ms; the ledger was {behind} messages behind before and {left} after",
            calm.millis(0.5),
            calm.millis(0.999)
        ),
    ];
    let lines = vec![
        full.series.rate_line("P1 accepted"),
        full.series.p99_line("P1 full load"),
        steady.series.p99_line("P1 at 1,000/s"),
    ];
    let found = Found { rate: full.rate(), p99: calm.millis(0.99), lines, notes };
    tell(&format!(
        "  P1: {:.0}/s accepted ({}); p99 at 1,000/s {:.2} ms ({})",
        found.rate, found.notes[0], found.p99, found.notes[1]
    ))?;
    Ok(found)
}

impl Found {
    /// Writes it down, compared with the ceiling.
    pub(super) fn note_in(self, book: &mut Book, ceiling: f64) {
        let [full, steady] = self.notes;
        book.add(&goals::ACKNOWLEDGED, Sample::new(self.rate).against(ceiling).noted(full).drawn(self.lines));
        book.add(&goals::ACKNOWLEDGED_P99, Sample::new(self.p99).noted(steady));
    }
}
