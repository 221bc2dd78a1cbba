//! The tail: what is committed, told as it happens.

mod wanted;

use std::sync::Arc;

use futures::{Stream, stream};
use tokio::sync::{
    broadcast::{Receiver, error::RecvError},
    watch,
};
use tonic::Status;
use tributary_domain::{committed::Committed, time::Timestamp};
use tributary_proto::admin::v1::{TailRequest, TailResponse, tail_response::Entry};

use self::wanted::Wanted;
use super::{delivery, message};
use crate::{
    AdminContext,
    call::Call,
    convert::value::to_time,
    error::from_store,
    name::{Names, TenantPath},
    stream::{bounded, closed},
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
    let (path, source) = TenantPath::or_source("parent", &request.parent)?;
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
    Ok(bounded(call, names, answers))
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
