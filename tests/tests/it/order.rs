//! Order of acceptance, as far as senders can see it: a webhook that was acknowledged before another one was sent
//! came first.

use std::{collections::HashMap, time::Instant};

use futures::{Stream, StreamExt, stream};
use tributary_proto::admin::v1::{Message, TailResponse, tail_response::Entry};
use tributary_tests::{Booking, PATIENCE, Server, Source};

/// When a webhook was sent, and when it was acknowledged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    sent: Instant,
    acknowledged: Instant,
}

/// The spans of webhooks by the ids of their messages.
pub(crate) type Spans = HashMap<String, Span>;

/// Posts all of these over 64 connections.
pub(crate) async fn post_at_once(
    server: &Server,
    bookings: impl Iterator<Item = (&Source, Booking)>,
) -> Spans {
    let posts = bookings.map(|(source, booking)| async move {
        let sent = Instant::now();
        let message = server.post(source, booking.body()).await.accepted();
        (message, Span { sent, acknowledged: Instant::now() })
    });
    stream::iter(posts).buffer_unordered(64).collect().await
}

/// Fails unless `processed` is an order in which these webhooks can have been accepted.
#[track_caller]
pub(crate) fn assert_order_of_acceptance<'a>(processed: impl Iterator<Item = &'a str>, spans: &Spans) {
    let mut latest: Option<(Instant, &str)> = None;
    for message in processed {
        let span = spans[message];
        if let Some((sent, other)) = latest {
            assert!(
                span.acknowledged >= sent,
                "{message} was acknowledged before {other} was sent, and was processed after it"
            );
        }
        if latest.is_none_or(|(sent, _)| span.sent > sent) {
            latest = Some((span.sent, message));
        }
    }
}

/// The next `count` messages of a tail; fails when they do not come.
pub(crate) async fn next_messages(
    tail: impl Stream<Item = Result<TailResponse, tonic::Status>>,
    count: usize,
) -> Vec<Message> {
    let messages = tail.filter_map(async |entry| match entry.expect("the tail goes on").entry {
        Some(Entry::Message(message)) => Some(message),
        Some(Entry::SkippedCount(count)) => panic!("{count} entries were skipped"),
        _ => None,
    });
    let next = tokio::time::timeout(PATIENCE, messages.take(count).collect());
    next.await.unwrap_or_else(|_| panic!("not within {PATIENCE:?}: {count} messages of the tail"))
}
