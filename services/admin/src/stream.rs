//! Streams: what ends them besides their own end.

use std::future::Future;

use futures::{FutureExt, Stream, StreamExt, future::select_all, stream};
use tokio::{sync::watch, time::sleep};
use tonic::Status;
use tributary_domain::error::ErrorCode;

use crate::{call::Call, error::status, name::Names, routes::LONGEST_STREAM};

/// What `call` is answered with about a tenant: the stream until its caller may not read it any more, or it has lasted too
/// long; then it ends with the status that says why.
pub(crate) fn bounded<T, S: Stream<Item = Result<T, Status>> + Send>(
    call: &Call<'_>,
    names: Names,
    stream: S,
) -> impl Stream<Item = Result<T, Status>> + Send + use<T, S> {
    let over = [call.revoked(names).boxed(), sleep(LONGEST_STREAM).map(|()| expired()).boxed()];
    until(select_all(over).map(|(why, ..)| why), stream)
}

/// The stream until it is `over`; then it ends with the status that says why.
fn until<T>(
    over: impl Future<Output = Status> + Send,
    stream: impl Stream<Item = Result<T, Status>> + Send,
) -> impl Stream<Item = Result<T, Status>> + Send {
    stream::unfold(Some((Box::pin(stream), Box::pin(over))), |open| async move {
        let (mut stream, mut over) = open?;
        tokio::select! {
            biased;
            why = &mut over => Some((Err(why), None)),
            next = stream.next() => Some((next?, Some((stream, over)))),
        }
    })
}

fn expired() -> Status {
    let message = "the stream has lasted for an hour, which is the longest: open another one";
    status(ErrorCode::Unavailable, "STREAM_EXPIRED", message)
}

/// Waits until the server closes.
pub(crate) async fn closed(closing: &mut watch::Receiver<bool>) {
    // An error means that whoever would say so is gone, which is the same.
    let _ = closing.wait_for(|closing| *closing).await;
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tonic::Code;

    use super::*;

    #[tokio::test]
    async fn a_stream_that_lasts_too_long_ends_with_a_reason() {
        let entries = stream::iter([Ok(1)]).chain(stream::pending());
        let told: Vec<Result<i32, Status>> =
            until(sleep(Duration::from_millis(10)).map(|()| expired()), entries).collect().await;
        assert_eq!(told.len(), 2);
        assert_eq!(told[1].as_ref().unwrap_err().code(), Code::Unavailable);
    }
}
