//! P5b: what many deliveries that wait do to those who send meanwhile, and to memory: once behind a destination that is paused,
//! once behind one that is dead.

use std::time::{Instant, UNIX_EPOCH};

use anyhow::{Context, ensure};

use super::{
    drain,
    ground::Ground,
    grown::{MEBIBYTE, watch_memory},
    whole_way,
};
use crate::{
    client::{Until, closed},
    multiply::{Wanted, multiply},
    process::{Deliveries, Server, make, pause},
    report::{Book, Sample, goals, tell},
    sink::Sink,
};

/// Bookings that everything is copied of.
const SEEDS: u64 = 1_000;

/// What became of the deliveries of the messages that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// They were delivered: what is compared with.
    Delivered,
    /// They wait for a destination that is paused.
    Paused,
    /// They wait for a destination at which nobody answers.
    Dead,
}

/// What was found.
#[derive(Debug)]
struct Found {
    /// Messages a second, committed.
    rate: f64,
    /// The most memory meanwhile, in MiB.
    memory: f64,
    /// How many deliveries waited at the start.
    waiting: u64,
}

/// Measures the whole way with as many messages in the logs, of which the deliveries wait or not.
pub(super) async fn measure(ground: &Ground<'_>, book: &mut Book) -> anyhow::Result<()> {
    let without = found(ground, Fate::Delivered).await?;
    ensure!(without.waiting == 0, "{} deliveries wait where none should", without.waiting);
    for (fate, slower, more) in [
        (Fate::Paused, &goals::WAITING_PAUSED, &goals::WAITING_PAUSED_MEMORY),
        (Fate::Dead, &goals::WAITING_DEAD, &goals::WAITING_DEAD_MEMORY),
    ] {
        let with = found(ground, fate).await?;
        let wanted = ground.options.waiting();
        ensure!(with.waiting >= wanted, "{} deliveries wait, and not {wanted}", with.waiting);
        let note = format!(
            "{} waiting: {:.0}/s and {:.0} MiB; none: {:.0}/s and {:.0} MiB",
            with.waiting, with.rate, with.memory, without.rate, without.memory
        );
        book.add(slower, Sample::new(without.rate / with.rate).noted(note.clone()));
        book.add(more, Sample::new(with.memory - without.memory).noted(note));
    }
    Ok(())
}

async fn found(ground: &Ground<'_>, fate: Fate) -> anyhow::Result<Found> {
    let (sink, server) = (Sink::start()?, ground.server().await?);
    let deliveries = match fate {
        Fate::Delivered => Deliveries::Sent(sink.address),
        Fate::Paused => Deliveries::Wait,
        Fate::Dead => Deliveries::Refused,
    };
    let made = make(&server, deliveries).await?;
    closed(&made.target, ground.options.connections, Until::Sent(SEEDS)).await?;
    let count = async || match fate {
        Fate::Delivered => Ok(sink.count()),
        Fate::Paused | Fate::Dead => Ok(server.counters().await?.committed()),
    };
    drain::until("what is copied", SEEDS, Instant::now(), count).await?;
    if fate == Fate::Delivered {
        // What is sent from now on waits as it does elsewhere, so that nothing but what waited before is compared.
        pause(&server, made.destination).await?;
    }
    let data = server.data.clone();
    server.stop().await?;

    let began = Instant::now();
    let file = format!("sqlite://{}", data.join("tributary.db").display());
    let now = UNIX_EPOCH.elapsed().context("the clock stands before 1970")?.as_millis() as u64;
    // Of a hundred messages 88 have a delivery that is not given up.
    let messages = ground.options.waiting() * 100 / 88 + 100;
    let grown = multiply(&file, Wanted::Messages(messages), now).await?;
    tell(&format!(
        "  P5b: {:?}: {} rows, {} deliveries wait, made in {:.0} s",
        fate,
        grown.rows,
        grown.waiting,
        began.elapsed().as_secs_f64()
    ))?;
    tokio::task::spawn_blocking(rustix::fs::sync).await?;

    let server = Server::start(&ground.binary, &data).await?;
    let target = made.target.moved(server.http);
    let memory = watch_memory(server.process_id());
    let found = whole_way::on(ground, &server, &target).await?;
    let memory = memory.most().await? as f64 / MEBIBYTE;
    tell(&format!("  P5b: {fate:?}: {:.0}/s, {memory:.1} MiB", found.rate()))?;
    Ok(Found { rate: found.rate(), memory, waiting: grown.waiting })
}
