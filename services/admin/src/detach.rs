//! A call that has begun runs to its end.
//!
//! A change is committed first, and then the running house is told. When a caller goes away in between (it resets the
//! stream, its deadline passes, or the server's does), the call's future is dropped wherever it waits, and the house
//! would go on with what was before: deliveries to a paused destination, webhooks taken for a deleted source. So the
//! future of a call is a task of its own, and only the wait for it can be dropped. The body of a streamed answer is no
//! part of it: that ends with its reader.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use http::{Request, Response};
use tokio_util::task::TaskTracker;
use tower::{Layer, Service};
use tracing::Instrument;

use crate::error::internal;

/// Runs each call as a task of its own.
#[derive(Debug, Clone, Default)]
pub(crate) struct DetachLayer {
    calls: TaskTracker,
}

impl DetachLayer {
    /// Waits until the calls that have begun are through. Nothing may call any more.
    pub(crate) async fn finish(&self) {
        self.calls.close();
        self.calls.wait().await;
    }
}

impl<S> Layer<S> for DetachLayer {
    type Service = Detach<S>;

    fn layer(&self, inner: S) -> Detach<S> {
        Detach { calls: self.calls.clone(), inner }
    }
}

/// A service behind a [`DetachLayer`].
#[derive(Debug, Clone)]
pub(crate) struct Detach<S> {
    calls: TaskTracker,
    inner: S,
}

impl<S, B, R> Service<Request<B>> for Detach<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    R: Default + Send + 'static,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<R>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let call = self.calls.spawn(self.inner.call(request).in_current_span());
        // A call that panicked is answered as every other defect.
        Box::pin(async move { call.await.unwrap_or_else(|error| Ok(internal(&error).into_http())) })
    }
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, sync::Arc};

    use tokio::sync::{Notify, oneshot};
    use tonic::{Code, Status};
    use tower::{ServiceExt, service_fn};

    use super::*;

    #[tokio::test]
    async fn a_call_whose_caller_went_away_runs_to_its_end() {
        let (layer, begun, go_on) =
            (DetachLayer::default(), Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (tell, told) = oneshot::channel();
        let mut parts = Some((Arc::clone(&begun), Arc::clone(&go_on), tell));
        let mut service = layer.layer(service_fn(move |_: Request<()>| {
            let (begun, go_on, tell) = parts.take().unwrap();
            async move {
                begun.notify_one();
                go_on.notified().await;
                tell.send("committed and told").unwrap();
                Ok::<_, Infallible>(Response::new(String::new()))
            }
        }));
        let call = service.call(Request::new(()));
        begun.notified().await;
        drop(call);
        go_on.notify_one();
        assert_eq!(told.await, Ok("committed and told"));
        layer.finish().await;
    }

    #[tokio::test]
    async fn a_call_that_panics_is_answered() {
        let service = DetachLayer::default().layer(service_fn(|request: Request<bool>| async move {
            assert!(request.into_body(), "planted");
            Ok::<_, Infallible>(Response::new("well".to_owned()))
        }));
        assert_eq!(service.clone().oneshot(Request::new(true)).await.unwrap().body(), "well");
        let response = service.oneshot(Request::new(false)).await.unwrap();
        assert_eq!(Status::from_header_map(response.headers()).unwrap().code(), Code::Internal);
    }
}
