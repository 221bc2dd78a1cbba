//! How long a caller may take to send a request.
//!
//! A call that has begun runs to its end, whoever waits for it (see [`crate::detach`]). One whose request has not come whole
//! has not begun: without a limit, a caller that sends a byte now and then would keep it waiting for as long as a connection
//! lasts.

use std::time::Duration;

use futures::stream;
use http::Request;
use http_body_util::{BodyExt, StreamBody};
use tokio::time::{Instant, timeout_at};
use tonic::{Status, body::Body};
use tributary_domain::error::ErrorCode;

use crate::error::status;

/// The request, whose body breaks where it has not come whole `longest` after this.
pub(crate) fn within(longest: Duration, request: Request<Body>) -> Request<Body> {
    let end = Instant::now() + longest;
    request.map(|body| until(body, end))
}

fn until(body: Body, end: Instant) -> Body {
    let frames = stream::unfold(Some(body), move |body| async move {
        let mut body = body?;
        match timeout_at(end, body.frame()).await {
            Ok(frame) => frame.map(|frame| (frame, Some(body))),
            Err(_) => Some((Err(too_slow()), None)),
        }
    });
    Body::new(StreamBody::new(frames))
}

fn too_slow() -> Status {
    let message = "the request did not come whole in time: nothing was done";
    status(ErrorCode::DeadlineExceeded, "CALL_TIMEOUT", message)
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;
    use http_body_util::Full;
    use prost::bytes::Bytes;
    use tonic::Code;
    use tonic_types::StatusExt;

    use super::*;

    /// A body of these pieces, which does not end where `is_open`.
    fn request(pieces: &[&'static str], is_open: bool) -> Request<Body> {
        let pieces: Vec<_> =
            pieces.iter().map(|piece| Full::new(Bytes::from_static(piece.as_bytes()))).collect();
        let rest = if is_open { stream::pending().left_stream() } else { stream::empty().right_stream() };
        let frames = stream::iter(pieces).then(|mut piece| async move { piece.frame().await.unwrap() });
        Request::new(Body::new(StreamBody::new(frames.chain(rest))))
    }

    #[tokio::test]
    async fn a_request_that_comes_in_time_comes_whole() {
        let body = within(Duration::from_secs(60), request(&["one ", "two"], false)).into_body();
        assert_eq!(body.collect().await.unwrap().to_bytes(), "one two");
    }

    #[tokio::test]
    async fn one_that_does_not_end_breaks() {
        let mut body = within(Duration::from_millis(1), request(&["one "], true)).into_body();
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "one ");
        let broken = body.frame().await.unwrap().unwrap_err();
        assert_eq!(broken.code(), Code::DeadlineExceeded);
        assert_eq!(broken.get_details_error_info().unwrap().reason, "CALL_TIMEOUT");
        assert!(body.frame().await.is_none());
    }
}
