//! P7 and the large half of P8: memory while idle, at full load, after many cluids; then a start with what has
//! grown, and with a backlog.

use std::time::{Duration, Instant};

use anyhow::ensure;
use tokio::task::JoinHandle;

use super::{drain, ground::Ground, start::first_accepted};
use crate::{
    client::{Target, Until, closed},
    options::Measured,
    process::{Deliveries, Server, prepare, resident_bytes},
    report::{Book, Sample, goals, tell},
    sink::Sink,
};

/// Nothing happens for so long before memory is read.
const REST: Duration = Duration::from_secs(3);
/// How often memory is read under load.
const LOOK: Duration = Duration::from_millis(50);
/// How many messages are sent before the backlog is looked at again.
const BURST: u64 = 5_000;
/// So many have to be enough.
const MOST_BURSTS: u64 = 1_000;
pub(super) const MEBIBYTE: f64 = 1_048_576.0;

/// Grows one folder, and reads memory on the way.
pub(super) async fn measure(ground: &Ground<'_>, book: &mut Book) -> anyhow::Result<()> {
    let (sink, mut server) = (Sink::start()?, ground.server().await?);
    let target = prepare(&server, Deliveries::Sent(sink.address)).await?;
    let cluids = ground.options.cluids();
    if ground.options.wants(Measured::P7) {
        tokio::time::sleep(REST).await;
        let idle = resident_bytes(server.process_id())? as f64 / MEBIBYTE;
        let peak = grow(ground, &server, &target, &sink, cluids).await?;
        tokio::time::sleep(REST).await;
        let after = resident_bytes(server.process_id())? as f64 / MEBIBYTE;
        tell(&format!(
            "  P7: idle {idle:.1} MiB, full load {peak:.1} MiB, after {cluids} cluids {after:.1} MiB"
        ))?;
        book.add(&goals::MEMORY_IDLE, Sample::new(idle));
        let note = format!("the most while {cluids} bookings were accepted, committed and delivered");
        book.add(&goals::MEMORY_LOAD, Sample::new(peak).noted(note));
        book.add(&goals::MEMORY_GROWN, Sample::new(after).noted(format!("{cluids} cluids")));
    } else {
        grow(ground, &server, &target, &sink, cluids).await?;
    }
    if ground.options.wants(Measured::P8) {
        let behind = fall_behind(ground, &server, &target).await?;
        server.kill()?;
        let server = Server::start(&ground.binary, &server.data).await?;
        let took = first_accepted(&server, &target).await?.as_secs_f64();
        tell(&format!("  P8: {took:.2} s with {cluids} profiles and a backlog of {behind}"))?;
        let note = format!("after kill -9, with {cluids} profiles and a backlog of {behind}");
        book.add(&goals::START_GROWN, Sample::new(took).noted(note));
    }
    Ok(())
}

/// Sends so many bookings, and waits until they are delivered; the most memory meanwhile, in MiB.
async fn grow(
    ground: &Ground<'_>,
    server: &Server,
    target: &Target,
    sink: &Sink,
    all: u64,
) -> anyhow::Result<f64> {
    let peak = watch_memory(server.process_id());
    closed(target, ground.options.connections, Until::Sent(all)).await?;
    drain::until("what is delivered", all, Instant::now(), async || Ok(sink.count())).await?;
    Ok(peak.most().await? as f64 / MEBIBYTE)
}

/// Memory that is being watched.
pub(super) struct Watch {
    stop: tokio::sync::oneshot::Sender<()>,
    task: JoinHandle<anyhow::Result<u64>>,
}

impl Watch {
    /// The most that it was until now, in bytes.
    pub(super) async fn most(self) -> anyhow::Result<u64> {
        self.stop.send(()).ok();
        self.task.await?
    }
}

/// Watches the memory of a process.
pub(super) fn watch_memory(process: u32) -> Watch {
    let (stop, mut stopped) = tokio::sync::oneshot::channel();
    let task = tokio::spawn(async move {
        let mut most = 0;
        loop {
            most = resident_bytes(process)?.max(most);
            if tokio::time::timeout(LOOK, &mut stopped).await.is_ok() {
                return Ok(most);
            }
        }
    });
    Watch { stop, task }
}

/// Sends until the ledger is as far behind as the next start should find it; says how far.
async fn fall_behind(ground: &Ground<'_>, server: &Server, target: &Target) -> anyhow::Result<u64> {
    let before = server.counters().await?.committed();
    let mut accepted = 0;
    loop {
        accepted += closed(target, ground.options.connections, Until::Sent(BURST)).await?.accepted;
        let behind = (before + accepted).saturating_sub(server.counters().await?.committed());
        if behind >= ground.options.backlog() {
            return Ok(behind);
        }
        ensure!(accepted < MOST_BURSTS * BURST, "the ledger keeps up: it is only {behind} messages behind");
    }
}
