//! A connection that keeps its place for a limited time.
//!
//! The transport tells both sides of an old connection to open another one, and waits for what is open then; it would
//! wait for ever. And it waits for ever for the first bytes, by which it tells HTTP/1 from HTTP/2. Both would let peers
//! without a token take all the places there are.

use std::{
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::OwnedSemaphorePermit,
    time::{Sleep, sleep},
};
use tokio_util::either::Either;
use tonic::transport::server::{Connected, TcpConnectInfo};
use tributary_tls::ServerStream;

/// What a connection runs over: TCP, or TLS over it.
pub(crate) type Wire = Either<TcpStream, ServerStream<TcpStream>>;

/// How long a connection may keep its place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    /// How long its peer may take to say what it speaks.
    pub(crate) silence: Duration,
    /// How long it may last, whatever it does.
    pub(crate) lifetime: Duration,
}

/// By so many bytes it is known: the preface of HTTP/2; a request of HTTP/1.1 is longer.
const OPENING: usize = 24;

/// A connection that ends after a time, and sooner when its peer says nothing.
#[derive(Debug)]
pub(crate) struct Connection<IO> {
    stream: IO,
    info: TcpConnectInfo,
    _place: OwnedSemaphorePermit,
    end: Pin<Box<Sleep>>,
    /// Runs until the opening is here, with the bytes that are missing of it.
    silence: Option<(Pin<Box<Sleep>>, usize)>,
}

impl<IO> Connection<IO> {
    pub(crate) fn new(stream: IO, place: OwnedSemaphorePermit, info: TcpConnectInfo, times: Times) -> Self {
        let silence = Some((Box::pin(sleep(times.silence)), OPENING));
        Self { stream, info, _place: place, end: Box::pin(sleep(times.lifetime)), silence }
    }

    /// Whether its time is over.
    fn poll_end(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        match self.end.as_mut().poll(context) {
            Poll::Ready(()) => Err(io::ErrorKind::TimedOut.into()),
            Poll::Pending => Ok(()),
        }
    }
}

impl<IO> Connected for Connection<IO> {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        self.info.clone()
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Connection<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.poll_end(context)?;
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        let Some((silence, missing)) = &mut self.silence else { return read };
        if read.is_pending() {
            ready!(silence.as_mut().poll(context));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        *missing = missing.saturating_sub(buffer.filled().len() - before);
        if *missing == 0 {
            self.silence = None;
        }
        read
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Connection<IO> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_end(context)?;
        Pin::new(&mut self.stream).poll_write(context, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_end(context)?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_end(context)?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_end(context)?;
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
        sync::Semaphore,
        time::{Instant, timeout},
    };

    use super::*;

    const TIMES: Times = Times { silence: Duration::from_millis(20), lifetime: Duration::from_millis(100) };

    /// How long a test waits for what has to happen.
    const PATIENCE: Duration = Duration::from_secs(10);

    /// The peer's end of a connection, and the connection.
    fn connection() -> (DuplexStream, Connection<DuplexStream>) {
        let (peer, stream) = duplex(64);
        let place = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        let info = TcpConnectInfo { local_addr: None, remote_addr: None };
        (peer, Connection::new(stream, place, info, TIMES))
    }

    #[tokio::test]
    async fn a_peer_that_does_not_say_what_it_speaks_is_left() {
        let (mut peer, mut connection) = connection();
        let begin = Instant::now();
        peer.write_all(b"PRI * HTTP/2.0").await.unwrap();
        let error = connection.read_exact(&mut [0; 24]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(begin.elapsed() >= TIMES.silence && begin.elapsed() < TIMES.lifetime);
    }

    #[tokio::test]
    async fn a_connection_ends_after_its_time_whether_it_reads_or_writes() {
        let (mut peer, mut connection) = connection();
        let begin = Instant::now();
        peer.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        connection.read_exact(&mut [0; 24]).await.unwrap();
        // Quiet for longer than the silence at the beginning.
        let error = timeout(PATIENCE, connection.read_u8()).await.expect("it ends").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(begin.elapsed() >= TIMES.lifetime);
        assert_eq!(connection.write_u8(1).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_connection_whose_peer_takes_nothing_ends_too() {
        let (_peer, mut connection) = connection();
        let written = timeout(PATIENCE, connection.write_all(&[0; 1_000])).await;
        let error = written.expect("it ends").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
