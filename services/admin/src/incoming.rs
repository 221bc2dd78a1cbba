//! Connections to the API, as they come.

use std::{io, time::Duration};

use futures::{Stream, stream};
use tokio::{
    net::{TcpListener, TcpStream},
    time::sleep,
};

/// How long accepting rests when the system has no more descriptors to give; without a rest it would only spin.
const ACCEPT_REST: Duration = Duration::from_millis(50);

/// The connections of `listener`; it goes on after a failure.
pub(crate) fn incoming(listener: TcpListener) -> impl Stream<Item = io::Result<TcpStream>> {
    stream::unfold(listener, |listener| async move {
        loop {
            match accept(&listener).await {
                Ok(stream) => return Some((Ok(stream), listener)),
                Err(error) => {
                    tracing::warn!(%error, "connection to the admin API not accepted");
                    sleep(ACCEPT_REST).await;
                }
            }
        }
    })
}

async fn accept(listener: &TcpListener) -> io::Result<TcpStream> {
    let (stream, _) = listener.accept().await?;
    // An answer is one small write; waiting to fill a packet would only delay it.
    stream.set_nodelay(true)?;
    Ok(stream)
}
