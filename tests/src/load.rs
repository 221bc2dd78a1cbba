//! Load that goes on while the server dies and comes back, as senders do: a booking that was not acknowledged is
//! posted again until it is.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use tokio::{sync::watch, task::JoinHandle};

use crate::{
    Booking, Source, calendly_signature, cluid, now_seconds,
    post::{Door, webhook},
};

/// How long a writer waits before it posts again.
const PAUSE: Duration = Duration::from_millis(5);

/// A booking that was acknowledged.
#[derive(Debug, Clone)]
pub struct Posted {
    /// The id of the message that the sender was told.
    pub message: String,
    /// The booking's number.
    pub number: u32,
}

/// Writers that post one booking after the other, each for a visitor of its own.
#[derive(Debug)]
pub struct Load {
    door: watch::Sender<Option<SocketAddr>>,
    stop: Arc<AtomicBool>,
    acknowledged: Arc<AtomicU32>,
    writers: Vec<JoinHandle<Vec<Posted>>>,
}

impl Load {
    /// Starts `writers` writers, which wait for a door. Writer `n` books for the visitor `cluid(n)`.
    pub fn start(source: &Source, writers: u32) -> Self {
        let (door, _) = watch::channel(None);
        let (stop, acknowledged) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
        let writers = (0..writers).map(|visitor| {
            let writer = Writer {
                visitor,
                source: source.clone(),
                address: door.subscribe(),
                stop: Arc::clone(&stop),
                acknowledged: Arc::clone(&acknowledged),
            };
            tokio::spawn(writer.run())
        });
        Self { writers: writers.collect(), door, stop, acknowledged }
    }

    /// Where the door is from now on; none while there is none.
    pub fn door(&self, address: Option<SocketAddr>) {
        self.door.send_replace(address);
    }

    /// How many bookings were acknowledged so far.
    pub fn acknowledged(&self) -> u32 {
        self.acknowledged.load(Ordering::Relaxed)
    }

    /// Ends it; what each writer posted, in order. Needs an open door.
    ///
    /// # Panics
    /// When a writer did.
    pub async fn end(self) -> Vec<Vec<Posted>> {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Vec::new();
        for writer in self.writers {
            all.push(writer.await.expect("the writer ends"));
        }
        all
    }
}

struct Writer {
    visitor: u32,
    source: Source,
    address: watch::Receiver<Option<SocketAddr>>,
    stop: Arc<AtomicBool>,
    acknowledged: Arc<AtomicU32>,
}

impl Writer {
    async fn run(mut self) -> Vec<Posted> {
        let mut posted = Vec::new();
        while !self.stop.load(Ordering::Relaxed) {
            let number = self.visitor * 1_000_000 + u32::try_from(posted.len()).expect("not so many");
            let booking = Booking::new(number)
                .cluid(&cluid(self.visitor))
                .with("/payload/scheduled_event/name", number.to_string().into());
            let message = self.post(booking.body().into()).await;
            self.acknowledged.fetch_add(1, Ordering::Relaxed);
            posted.push(Posted { message, number });
        }
        posted
    }

    /// Where the door is, once there is one.
    async fn address(&mut self) -> SocketAddr {
        let open = self.address.wait_for(Option::is_some).await.expect("the load goes on");
        open.expect("it is some")
    }

    async fn post(&mut self, body: bytes::Bytes) -> String {
        let door = Door::default();
        loop {
            let address = self.address().await;
            let key = self.source.key.as_deref().unwrap_or_default();
            let signature = calendly_signature(key, now_seconds(), &body);
            let headers = [("calendly-webhook-signature", signature.as_str())];
            match door.send(webhook(address, &self.source.path, &headers, body.clone())).await {
                Some(answer) if answer.status.is_success() => return answer.accepted(),
                // The door is away, or about to be: what was not acknowledged is posted again.
                _ => tokio::time::sleep(PAUSE).await,
            }
        }
    }
}
