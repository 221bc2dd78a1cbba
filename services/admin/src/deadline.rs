//! How long a call may take.
//!
//! The transport has a deadline too, but it stands outside of every layer: what it says would reach a browser neither
//! as gRPC-Web nor with leave to be read.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use http::{HeaderMap, Request, Response};
use tokio::time::timeout;
use tower::{Layer, Service};
use tributary_domain::error::ErrorCode;

use crate::error::status;

/// Ends each call after a time, or earlier where the caller asks for that with `grpc-timeout`. A streamed answer has to
/// begin within it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DeadlineLayer {
    longest: Duration,
}

impl DeadlineLayer {
    /// No call takes longer than `longest`.
    pub(crate) fn new(longest: Duration) -> Self {
        Self { longest }
    }
}

impl<S> Layer<S> for DeadlineLayer {
    type Service = Deadline<S>;

    fn layer(&self, inner: S) -> Deadline<S> {
        Deadline { longest: self.longest, inner }
    }
}

/// A service behind a [`DeadlineLayer`].
#[derive(Debug, Clone)]
pub(crate) struct Deadline<S> {
    longest: Duration,
    inner: S,
}

impl<S, B, R> Service<Request<B>> for Deadline<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Future: Send + 'static,
    R: Default,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<R>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let limit = asked(request.headers()).map_or(self.longest, |asked| asked.min(self.longest));
        let call = timeout(limit, self.inner.call(request));
        Box::pin(async move { call.await.unwrap_or_else(|_| Ok(too_late())) })
    }
}

fn too_late<R: Default>() -> Response<R> {
    let message =
        "the call took too long; a change that had begun is carried through: read before you repeat it";
    status(ErrorCode::DeadlineExceeded, "CALL_TIMEOUT", message).into_http()
}

/// What the caller asks for: at most eight digits and a unit, as gRPC writes it. Anything else is passed over.
fn asked(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let amount: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(amount * 60 * 60)),
        "M" => Some(Duration::from_secs(amount * 60)),
        "S" => Some(Duration::from_secs(amount)),
        "m" => Some(Duration::from_millis(amount)),
        "u" => Some(Duration::from_micros(amount)),
        "n" => Some(Duration::from_nanos(amount)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, future::pending};

    use tonic::{Code, Status};
    use tonic_types::StatusExt;
    use tower::{ServiceExt, service_fn};

    use super::*;

    fn header(value: &str) -> HeaderMap {
        [(http::HeaderName::from_static("grpc-timeout"), value.parse().unwrap())].into_iter().collect()
    }

    #[test]
    fn a_timeout_is_read_as_grpc_writes_it() {
        assert_eq!(asked(&header("3H")), Some(Duration::from_secs(10_800)));
        assert_eq!(asked(&header("2M")), Some(Duration::from_secs(120)));
        assert_eq!(asked(&header("99999999S")), Some(Duration::from_secs(99_999_999)));
        assert_eq!(asked(&header("250m")), Some(Duration::from_millis(250)));
        assert_eq!(asked(&header("7u")), Some(Duration::from_micros(7)));
        assert_eq!(asked(&header("7n")), Some(Duration::from_nanos(7)));
        for odd in ["", "S", "5", "5s", "-5S", "+5S", "1.5S", "123456789S", "5SS"] {
            assert_eq!(asked(&header(odd)), None, "{odd}");
        }
        assert_eq!(asked(&HeaderMap::new()), None);
    }

    #[tokio::test]
    async fn a_call_that_takes_too_long_is_answered_with_a_reason() {
        let late = [(Duration::from_millis(1), None), (Duration::from_secs(600), Some("1m"))];
        for (longest, asked) in late {
            let service = DeadlineLayer::new(longest)
                .layer(service_fn(|_: Request<()>| pending::<Result<Response<String>, Infallible>>()));
            let mut request = Request::new(());
            *request.headers_mut() = asked.map(header).unwrap_or_default();
            let response = service.oneshot(request).await.unwrap();
            let status = Status::from_header_map(response.headers()).unwrap();
            assert_eq!(status.code(), Code::DeadlineExceeded);
            assert_eq!(status.get_details_error_info().unwrap().reason, "CALL_TIMEOUT");
        }
    }
}
