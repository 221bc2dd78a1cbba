//! The open loop: so many requests a second, whatever becomes of them. A request's time begins when it was due, not
//! when a connection was free for it, so that a stall is felt by all requests that fell into it (coordinated
//! omission is corrected). A thread of its own says when one is due: the runtime's timers tick in milliseconds.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use tokio::{
    sync::{Mutex, mpsc},
    task::JoinSet,
};

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
    // Unbounded: what is due does not wait for those before it.
    let (announce, due) = mpsc::unbounded_channel();
    let due = Arc::new(Mutex::new(due));
    thread::spawn(move || announce_all(began, rate, lasting, &announce));
    let mut senders = JoinSet::new();
    for (connection, request) in ready {
        senders.spawn(send(connection, request, target.clone(), Arc::clone(&due)));
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

/// Says of each request when it is due, at that time.
fn announce_all(began: Instant, rate: u32, lasting: Duration, announce: &mpsc::UnboundedSender<Instant>) {
    for number in 0_u64.. {
        let after = Duration::from_secs_f64(number as f64 / f64::from(rate));
        let due = began + after;
        thread::sleep(due.saturating_duration_since(Instant::now()));
        // Nobody listens any more when a connection was lost.
        if after >= lasting || announce.send(due).is_err() {
            return;
        }
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
    announced: Arc<Mutex<mpsc::UnboundedReceiver<Instant>>>,
) -> anyhow::Result<Answers> {
    let mut answers = Answers::default();
    loop {
        let Some(due) = announced.lock().await.recv().await else { return Ok(answers) };
        let person = target.next_person();
        let status = connection.exchange(request.of(person)?).await?;
        if status == 202 {
            answers.accepted.push(((person, due), Instant::now()));
        } else {
            answers.refused += 1;
        }
    }
}
