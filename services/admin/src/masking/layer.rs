//! The layer that masks answers.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use http::{Request, Response};
use http_body_util::BodyExt;
use prost::bytes::{Buf, BufMut, Bytes, BytesMut};
use tonic::body::Body;
use tower::{Layer, Service};
use tributary_proto::personal;

use super::{Veil, wire};

/// Before a message of gRPC stand a byte that says whether it is compressed, and its length.
const HEAD: usize = 5;

/// Masks the answers of calls that draw their [`Veil`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct MaskLayer;

impl<S> Layer<S> for MaskLayer {
    type Service = Masked<S>;

    fn layer(&self, inner: S) -> Masked<S> {
        Masked { inner }
    }
}

/// A service behind a [`MaskLayer`].
#[derive(Debug, Clone)]
pub(crate) struct Masked<S> {
    inner: S,
}

impl<S, B> Service<Request<B>> for Masked<S>
where
    S: Service<Request<B>, Response = Response<Body>>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let answer = personal::answer(request.uri().path());
        let veil = Veil::default();
        request.extensions_mut().insert(veil.clone());
        let call = self.inner.call(request);
        Box::pin(async move {
            let response = call.await?;
            Ok(match answer.filter(|_| veil.is_drawn()) {
                Some(message) => response.map(|body| masked(body, message)),
                None => response,
            })
        })
    }
}

/// The body of an answer whose messages are `message`, masked.
fn masked(body: Body, message: u16) -> Body {
    let mut messages = Messages { message, waiting: BytesMut::new() };
    Body::new(body.map_frame(move |frame| frame.map_data(|data| messages.masked(&data))))
}

/// Messages as they come, perhaps in pieces.
struct Messages {
    message: u16,
    waiting: BytesMut,
}

impl Messages {
    /// The messages that are whole with `data`, masked. What cannot be read is left out: it is never shown as it is.
    fn masked(&mut self, data: &[u8]) -> Bytes {
        self.waiting.extend_from_slice(data);
        let mut out = BytesMut::new();
        while let Some(head) = self.waiting.first_chunk::<HEAD>() {
            let [compressed, length @ ..] = *head;
            let length = u32::from_be_bytes(length) as usize;
            if self.waiting.len() < HEAD + length {
                break;
            }
            self.waiting.advance(HEAD);
            let message = self.waiting.split_to(length);
            let masked = (compressed == 0).then(|| wire::masked(self.message, &message)).flatten();
            let size = masked.as_ref().and_then(|masked| u32::try_from(masked.len()).ok());
            if let (Some(masked), Some(size)) = (masked, size) {
                out.put_u8(0);
                out.put_u32(size);
                out.put_slice(&masked);
            } else {
                tracing::error!("an answer could not be masked, and was not sent");
            }
        }
        out.freeze()
    }
}

#[cfg(test)]
mod tests {
    use prost::Message as _;
    use tributary_proto::admin::v1::{Event, ListEventsResponse};

    use super::*;

    fn framed(message: &ListEventsResponse) -> Vec<u8> {
        let bytes = message.encode_to_vec();
        let length = u32::try_from(bytes.len()).unwrap().to_be_bytes();
        [&[0], &length[..], &bytes].concat()
    }

    #[test]
    fn messages_are_masked_however_they_are_cut() {
        let answer = |dedupe_id: &str| ListEventsResponse {
            events: vec![Event {
                dedupe_id: dedupe_id.to_owned(),
                event_name: "Schedule".to_owned(),
                ..Event::default()
            }],
            ..ListEventsResponse::default()
        };
        let sent = [framed(&answer("ann@example.com")), framed(&answer("42"))].concat();
        let expected = [framed(&answer("a***@e***.com")), framed(&answer("***"))].concat();
        let message = personal::answer("/tributary.admin.v1.EventService/ListEvents").unwrap();
        for size in 1..=sent.len() {
            let mut messages = Messages { message, waiting: BytesMut::new() };
            let out: Vec<u8> = sent.chunks(size).flat_map(|piece| messages.masked(piece)).collect();
            assert_eq!(out, expected, "in pieces of {size}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_not_sent() {
        let message = personal::answer("/tributary.admin.v1.EventService/ListEvents").unwrap();
        let sent = framed(&ListEventsResponse::default());
        let compressed = [&[1], &sent[1..]].concat();
        for odd in [compressed, vec![0, 0, 0, 0, 2, 0x0a, 0x05]] {
            let mut messages = Messages { message, waiting: BytesMut::new() };
            assert!(messages.masked(&odd).is_empty());
        }
    }
}
