//! The closed loop: every connection sends its next request as soon as it has an answer.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Context;
use tokio::task::JoinSet;

use super::{Connection, Request, Sent, Target};
use crate::measure::Series;

/// When a closed loop ends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Until {
    /// After this long.
    Elapsed(Duration),
    /// After so many requests.
    Sent(u64),
}

/// What the connections share.
#[derive(Debug)]
struct Shared {
    began: Instant,
    until: Until,
    begun: AtomicU64,
    refused: AtomicU64,
    series: Mutex<Series>,
}

impl Shared {
    fn goes_on(&self) -> bool {
        match self.until {
            Until::Elapsed(end) => self.began.elapsed() < end,
            Until::Sent(most) => self.begun.fetch_add(1, Ordering::Relaxed) < most,
        }
    }
}

/// Sends over `connections` connections, as fast as answers come.
pub(crate) async fn closed(target: &Target, connections: u32, until: Until) -> anyhow::Result<Sent> {
    let mut ready = Vec::new();
    for _ in 0..connections {
        ready.push((Connection::open(target.address).await?, Request::to(target)?));
    }
    let began = Instant::now();
    let shared = Arc::new(Shared {
        began,
        until,
        begun: AtomicU64::new(0),
        refused: AtomicU64::new(0),
        series: Mutex::new(Series::new(began)),
    });
    let mut senders = JoinSet::new();
    for (connection, request) in ready {
        senders.spawn(send(connection, request, target.clone(), Arc::clone(&shared)));
    }
    while let Some(ended) = senders.join_next().await {
        ended??;
    }
    let took = began.elapsed();
    let shared = Arc::into_inner(shared).context("a sender still runs")?;
    let series = shared.series.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(Sent { accepted: series.total().count(), refused: shared.refused.into_inner(), took, series })
}

async fn send(
    mut connection: Connection,
    mut request: Request,
    target: Target,
    shared: Arc<Shared>,
) -> anyhow::Result<()> {
    while shared.goes_on() {
        let bytes = request.of(target.next_person())?;
        let sent = Instant::now();
        let status = connection.exchange(bytes).await?;
        let answered = Instant::now();
        if status == 202 {
            let mut series = shared.series.lock().unwrap_or_else(PoisonError::into_inner);
            series.record(answered, answered - sent);
        } else {
            shared.refused.fetch_add(1, Ordering::Relaxed);
        }
    }
    Ok(())
}
