//! A receiver of deliveries, on a thread of its own: notes when the first byte of each came, and answers 200.

use std::{
    collections::HashMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use anyhow::Context;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::{booking, wire::Frame};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
const ROOM: usize = 64 << 10;

/// When the first byte of the event of each person came, the first time.
#[derive(Debug, Clone, Default)]
struct Arrivals(Arc<Mutex<HashMap<u64, Instant>>>);

impl Arrivals {
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The receiver.
#[derive(Debug)]
pub(crate) struct Sink {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    arrivals: Arrivals,
}

impl Sink {
    /// Starts it; its thread ends with the program.
    pub(crate) fn start() -> anyhow::Result<Self> {
        let listener =
            std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("the sink cannot listen")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let arrivals = Arrivals::default();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let noted = arrivals.clone();
        std::thread::spawn(move || runtime.block_on(accept(listener, noted)));
        Ok(Self { address, arrivals })
    }

    /// How many events arrived, each counted once.
    pub(crate) fn count(&self) -> u64 {
        self.arrivals.lock().len() as u64
    }

    /// When the event of this person arrived.
    pub(crate) fn arrival(&self, person: u64) -> Option<Instant> {
        self.arrivals.lock().get(&person).copied()
    }

    /// When the last event arrived.
    pub(crate) fn last(&self) -> Option<Instant> {
        self.arrivals.lock().values().max().copied()
    }
}

async fn accept(listener: std::net::TcpListener, arrivals: Arrivals) -> anyhow::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(receive(stream, arrivals.clone()));
    }
}

/// Until the sender closes. One request at a time, as the house sends them.
async fn receive(mut stream: TcpStream, arrivals: Arrivals) -> anyhow::Result<()> {
    let mut buffer = vec![0; ROOM];
    loop {
        let mut filled = stream.read(&mut buffer).await?;
        let came = Instant::now();
        if filled == 0 {
            return Ok(());
        }
        let frame = loop {
            match Frame::read(&buffer[..filled]) {
                Some(frame) if frame.end <= filled => break frame,
                _ => {}
            }
            let read = stream.read(&mut buffer[filled..]).await?;
            anyhow::ensure!(read > 0, "cut off, or larger than any event of a booking");
            filled += read;
        };
        if let Some(person) = booking::number_in(&buffer[frame.body..frame.end]) {
            arrivals.lock().entry(person).or_insert(came);
        }
        stream.write_all(ANSWER).await?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{Connection, Request, Target};

    #[tokio::test]
    async fn every_event_is_noted_once_by_its_person() {
        let sink = Sink::start().expect("a sink");
        let target = Target::new(sink.address, "/".to_owned(), "key".to_owned());
        let mut request = Request::to(&target).expect("a request");
        let mut connection = Connection::open(sink.address).await.expect("a connection");
        for person in [7, 8, 7] {
            let bytes = request.of(person).expect("bytes");
            assert_eq!(connection.exchange(bytes).await.expect("an answer"), 200);
        }
        assert_eq!(sink.count(), 2);
        assert!(sink.arrival(7) < sink.arrival(8) && sink.arrival(8) == sink.last());
        assert_eq!(sink.arrival(9), None);
    }
}
