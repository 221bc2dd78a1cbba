//! P8: how long it is from the start of the process to the first message that it accepts.

use std::time::Duration;

use anyhow::ensure;

use super::ground::Ground;
use crate::{
    client::{Connection, Request, Target},
    process::{Deliveries, Server, prepare},
    report::{Book, Sample, goals, tell},
};

/// Starts that are measured; the median counts.
const STARTS: u32 = 5;
/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// Starts on a folder with a source, and nothing else.
pub(super) async fn measure(ground: &Ground<'_>, book: &mut Book) -> anyhow::Result<()> {
    let mut server = ground.server().await?;
    let first = server.started.elapsed();
    let target = prepare(&server, Deliveries::Wait).await?;
    for _ in 0..STARTS {
        let data = server.data.clone();
        server.stop().await?;
        server = Server::start(&ground.binary, &data).await?;
        let took = first_accepted(&server, &target).await?.as_secs_f64();
        let note =
            format!("the very first start, with migrations, listened after {:.2} s", first.as_secs_f64());
        tell(&format!("  P8: {took:.3} s ({note})"))?;
        book.add(&goals::START, Sample::new(took).noted(note));
    }
    Ok(())
}

/// How long after its start the server answers the first 2xx.
pub(super) async fn first_accepted(server: &Server, target: &Target) -> anyhow::Result<Duration> {
    let target = target.moved(server.http);
    let mut request = Request::to(&target)?;
    let person = target.next_person();
    loop {
        if let Ok(mut connection) = Connection::open(server.http).await
            && let Ok(200..300) = connection.exchange(request.of(person)?).await
        {
            return Ok(server.started.elapsed());
        }
        ensure!(server.started.elapsed() < PATIENCE, "nothing is accepted after {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
