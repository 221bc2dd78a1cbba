//! The tail: what is committed, told as it happens.

use std::{future::Future, sync::Arc};

use futures::{
    FutureExt, Stream, StreamExt,
    future::{ready, select_all},
    stream,
};
use tokio::{sync::watch, time::sleep};
use tokio_stream::wrappers::{BroadcastStream, errors::BroadcastStreamRecvError};
use tonic::Status;
use tributary_domain::{
    committed::Committed,
    error::ErrorCode,
    id::{SourceId, TenantId},
};
use tributary_proto::admin::v1::{TailRequest, TailResponse, tail_response::Entry};

use super::{delivery, message};
use crate::{
    call::Call,
    convert::value::to_time,
    error::{from_store, status},
    name::{Names, TenantPath},
    routes::LONGEST_STREAM,
};

/// What one reader wants to be told.
#[derive(Debug, Clone, Copy)]
struct Wanted {
    tenant: TenantId,
    source: Option<SourceId>,
    messages_only: bool,
}

impl Wanted {
    fn has(self, committed: &Committed) -> bool {
        committed.tenant() == self.tenant
            && self.source.is_none_or(|source| committed.source() == source)
            && !(self.messages_only && matches!(committed, Committed::Attempt(_)))
    }
}

/// Opens a stream of what is committed from now on. It ends when `closing` turns true, the house
/// stops, or the caller may not read it any more. A reader
/// that is too slow is told how many entries, of any tenant, it missed.
pub(super) async fn open(
    call: &Call<'_>,
    closing: watch::Receiver<bool>,
    request: TailRequest,
) -> Result<impl Stream<Item = Result<TailResponse, Status>> + Send + use<>, Status> {
    // Subscribed before anything is looked up, so that nothing is missed meanwhile.
    let committed = BroadcastStream::new(call.house.tail());
    let (path, source) = match TenantPath::parse("parent", &request.parent) {
        Ok(path) => (path, None),
        Err(_) => {
            let (path, source) = TenantPath::child("parent", &request.parent, "sources")?;
            (path, Some(source))
        }
    };
    let located = call.locate(path).await?;
    if let Some(source) = source {
        located.scope.source(source).await.map_err(from_store)?;
    }
    let wanted = Wanted { tenant: located.record.id, source, messages_only: request.messages_only };
    let (names, clock) = (located.names, Arc::clone(&call.clock));
    let entries = committed.filter_map(move |item| ready(entry(names, wanted, item)));
    let answers =
        entries.map(move |entry| Ok(TailResponse { time: Some(to_time(clock.now())), entry: Some(entry) }));
    let over = [call.revoked(names).boxed(), sleep(LONGEST_STREAM).map(|()| expired()).boxed()];
    let over = select_all(over).map(|(why, ..)| why);
    Ok(until(over, answers.take_until(closed(closing))))
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
async fn closed(mut closing: watch::Receiver<bool>) {
    // An error means that whoever would say so is gone, which is the same.
    let _ = closing.wait_for(|closing| *closing).await;
}

fn entry(
    names: Names,
    wanted: Wanted,
    item: Result<Arc<Committed>, BroadcastStreamRecvError>,
) -> Option<Entry> {
    match item {
        Ok(committed) if !wanted.has(&committed) => None,
        Ok(committed) => Some(match committed.as_ref() {
            Committed::Message(found) => Entry::Message(message::committed(names, found)),
            Committed::Attempt(found) => Entry::Delivery(delivery::attempted(names, found)),
        }),
        Err(BroadcastStreamRecvError::Lagged(count)) => {
            Some(Entry::SkippedCount(i64::try_from(count).unwrap_or(i64::MAX)))
        }
    }
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
