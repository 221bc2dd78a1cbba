//! P4: how long it is until a destination hears of a message.

use std::time::{Duration, Instant};

use anyhow::ensure;

use super::{drain, ground::Ground};
use crate::{
    client::open,
    measure::Series,
    process::{Deliveries, prepare},
    report::{Book, Sample, goals, tell},
    sink::Sink,
};

const RATE: u32 = 1_000;
/// Not measured: connections are opened, configurations loaded.
const WARM_UP: Duration = Duration::from_secs(1);

/// Sends a thousand a second. The time of each is from when it was due to be sent, which is before it was accepted,
/// to the first byte of its delivery.
pub(super) async fn measure(ground: &Ground<'_>, book: &mut Book) -> anyhow::Result<()> {
    let (sink, server) = (Sink::start()?, ground.server().await?);
    let target = prepare(&server, Deliveries::Sent(sink.address)).await?;
    let connections = ground.options.connections;
    let (warm, _) = open(&target, connections, RATE, WARM_UP).await?;
    let began = Instant::now();
    let (sent, due) = open(&target, connections, RATE, ground.options.duration()).await?;
    let refused = warm.refused + sent.refused;
    ensure!(refused == 0, "{refused} requests were refused: less than {RATE}/s was measured");
    let all = warm.accepted + sent.accepted;
    drain::until("what is delivered", all, began, async || Ok(sink.count())).await?;

    let mut series = Series::new(began);
    for (person, due) in due {
        if let Some(arrived) = sink.arrival(person) {
            series.record(arrived, arrived.saturating_duration_since(due));
        }
    }
    let (total, accepted) = (series.total(), sent.series.total());
    let note = format!(
        "{} messages, p99.9 {:.1} ms; accepted within {:.2} ms (p50), {:.2} ms (p99)",
        total.count(),
        total.millis(0.999),
        accepted.millis(0.5),
        accepted.millis(0.99)
    );
    let (p50, p99) = (total.millis(0.5), total.millis(0.99));
    tell(&format!("  P4: p50 {p50:.1} ms, p99 {p99:.1} ms ({note})"))?;
    book.add(&goals::FIRST_BYTE_P50, Sample::new(p50).noted(note));
    book.add(&goals::FIRST_BYTE_P99, Sample::new(p99).drawn(vec![series.p99_line("P4 first byte")]));
    Ok(())
}
