//! The tail: what is committed, told as it happens.

mod wanted;

use std::{future::Future, sync::Arc};

use futures::{FutureExt, Stream, StreamExt, future::select_all, stream};
use tokio::{
    sync::{
        broadcast::{Receiver, error::RecvError},
        watch,
    },
    time::sleep,
};
use tonic::Status;
use tributary_domain::{committed::Committed, error::ErrorCode, time::Timestamp};
use tributary_proto::admin::v1::{TailRequest, TailResponse, tail_response::Entry};

use self::wanted::Wanted;
use super::{delivery, message};
use crate::{
    AdminContext,
    call::Call,
    convert::value::to_time,
    error::{from_store, status},
    name::{Names, TenantPath},
    routes::LONGEST_STREAM,
};

/// Opens a stream of what is committed from now on. It ends when `closing` turns true, the house stops, the caller may
/// not read it any more, or it has lasted too long. A reader that is too slow is told how many entries, of any tenant,
/// it missed, and from when on.
pub(super) async fn open(
    call: &Call<'_>,
    closing: watch::Receiver<bool>,
    request: TailRequest,
) -> Result<impl Stream<Item = Result<TailResponse, Status>> + Send + use<>, Status> {
    // Subscribed before anything is looked up, so that nothing is missed meanwhile.
    let (told, since) = (call.house.tail(), call.clock.now());
    let (path, source) = match TenantPath::parse("parent", &request.parent) {
        Ok(path) => (path, None),
        Err(_) => {
            let (path, source) = TenantPath::child("parent", &request.parent, "sources")?;
            (path, Some(source))
        }
    };
    let mut wanted = Wanted::of(&request.filter)?;
    let located = call.locate(path).await?;
    if let Some(source) = source {
        located.scope.source(source).await.map_err(from_store)?;
    }
    wanted.check(&located).await?;
    wanted.parent = source;
    wanted.messages_only = request.messages_only;
    let names = located.names;
    let reader = Reader { told, closing, context: (**call).clone(), names, wanted, since };
    let answers = stream::unfold(Some(reader), |reader| async move {
        let mut reader = reader?;
        let answer = reader.next().await?;
        let going_on = answer.is_ok().then_some(reader);
        Some((answer, going_on))
    });
    let over = [call.revoked(names).boxed(), sleep(LONGEST_STREAM).map(|()| expired()).boxed()];
    Ok(until(select_all(over).map(|(why, ..)| why), answers))
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

/// One caller's stream. It waits here for nothing but what is told: a caller that does not read is not polled, and what is
/// told meanwhile goes by until it is announced as a gap.
struct Reader {
    told: Receiver<Arc<Committed>>,
    closing: watch::Receiver<bool>,
    context: AdminContext,
    names: Names,
    wanted: Wanted,
    /// When the last message of the tenant was received that was told of, wanted or not.
    since: Timestamp,
}

impl Reader {
    /// What is to be told next; nothing when the stream ends, an error when it breaks.
    async fn next(&mut self) -> Option<Result<TailResponse, Status>> {
        loop {
            let told = tokio::select! {
                biased;
                () = closed(&mut self.closing) => return None,
                told = self.told.recv() => told,
            };
            match told {
                Ok(committed) => match self.entry(&committed).await {
                    Ok(Some(entry)) => return Some(Ok(self.answer(entry))),
                    Ok(None) => {}
                    Err(status) => return Some(Err(status)),
                },
                Err(RecvError::Lagged(count)) => return Some(Ok(self.gap(count))),
                Err(RecvError::Closed) => return None,
            }
        }
    }

    async fn entry(&mut self, committed: &Committed) -> Result<Option<Entry>, Status> {
        if committed.tenant() != self.names.tenant {
            return Ok(None);
        }
        if let Committed::Message(message) = committed {
            self.since = message.received;
        }
        let scope = self.context.store.tenant(self.names.tenant);
        if !self.wanted.has(committed) || !self.wanted.finds(&scope, committed).await? {
            return Ok(None);
        }
        Ok(Some(match committed {
            Committed::Message(found) => Entry::Message(message::committed(self.names, found)),
            Committed::Attempt(found) => Entry::Delivery(delivery::attempted(self.names, found)),
        }))
    }

    fn answer(&self, entry: Entry) -> TailResponse {
        let time = Some(to_time(self.context.clock.now()));
        TailResponse { time, entry: Some(entry), skipped_since_time: None }
    }

    fn gap(&self, count: u64) -> TailResponse {
        let answer = self.answer(Entry::SkippedCount(i64::try_from(count).unwrap_or(i64::MAX)));
        TailResponse { skipped_since_time: Some(to_time(self.since)), ..answer }
    }
}

/// Waits until the server closes.
async fn closed(closing: &mut watch::Receiver<bool>) {
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
