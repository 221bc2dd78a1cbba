//! The open loop: so many requests a second, whatever becomes of them. A request's time begins when it was due, not
//! when a connection was free for it, so that a stall is felt by all requests that fell into it (coordinated
//! omission is corrected). Timers tick in milliseconds: up to one of them is part of every figure.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::task::JoinSet;

use super::{Connection, Request, Sent, Target};
use crate::measure::Series;

/// A request of an open loop that was accepted: its person, and when it was due.
type Due = (u64, Instant);

/// Sends `rate` requests a second for as long as `lasting`, over at most `connections` connections.
pub(crate) async fn open(
    target: &Target,
    connections: u32,
    rate: u32,
    lasting: Duration,
) -> anyhow::Result<(Sent, Vec<Due>)> {
    let mut ready = Vec::new();
    for _ in 0..connections {
        ready.push((Connection::open(target.address).await?, Request::to(target)?));
    }
    let began = Instant::now();
    let schedule = Arc::new(Schedule { began, lasting, rate, next: AtomicU64::new(0) });
    let mut senders = JoinSet::new();
    for (connection, request) in ready {
        senders.spawn(send(connection, request, target.clone(), Arc::clone(&schedule)));
    }
    let (mut series, mut all, mut refused) = (Series::new(began), Vec::new(), 0);
    while let Some(ended) = senders.join_next().await {
        let answers = ended??;
        refused += answers.refused;
        for (due, answered) in answers.accepted {
            series.record(answered, answered.saturating_duration_since(due.1));
            all.push(due);
        }
    }
    let sent = Sent { accepted: all.len() as u64, refused, took: began.elapsed(), series };
    Ok((sent, all))
}

#[derive(Debug)]
struct Schedule {
    began: Instant,
    lasting: Duration,
    rate: u32,
    next: AtomicU64,
}

impl Schedule {
    /// When the next request is due; nothing when there is none any more.
    fn next(&self) -> Option<Instant> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let after = Duration::from_secs_f64(number as f64 / f64::from(self.rate));
        (after < self.lasting).then(|| self.began + after)
    }
}

#[derive(Debug, Default)]
struct Answers {
    accepted: Vec<(Due, Instant)>,
    refused: u64,
}

async fn send(
    mut connection: Connection,
    mut request: Request,
    target: Target,
    schedule: Arc<Schedule>,
) -> anyhow::Result<Answers> {
    let mut answers = Answers::default();
    while let Some(due) = schedule.next() {
        tokio::time::sleep_until(due.into()).await;
        let person = target.next_person();
        let status = connection.exchange(request.of(person)?).await?;
        if status == 202 {
            answers.accepted.push(((person, due), Instant::now()));
        } else {
            answers.refused += 1;
        }
    }
    Ok(answers)
}
