//! How a receiver may answer.

use std::convert::Infallible;

use bytes::Bytes;
use futures::stream;
use http::{Response, StatusCode};
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::body::Frame;

/// The body of an answer of which only the head matters.
const SHORT: Bytes = Bytes::from_static(b"noted");

/// How a receiver answers.
#[derive(Debug, Clone)]
pub enum Reply {
    /// With this status and a short body.
    Status(u16),
    /// With this status and these headers.
    With(u16, Vec<(&'static str, String)>),
    /// With this status, these headers and this body.
    Saying(u16, Vec<(&'static str, String)>, String),
    /// Never.
    Hang,
    /// 200, and a body that never ends.
    Endless,
}

impl Reply {
    pub(super) async fn response(self) -> Response<BoxBody<Bytes, Infallible>> {
        match self {
            Self::Status(status) => whole(status, &[], SHORT),
            Self::With(status, headers) => whole(status, &headers, SHORT),
            Self::Saying(status, headers, body) => whole(status, &headers, Bytes::from(body)),
            Self::Hang => std::future::pending().await,
            Self::Endless => {
                let frame = || Ok(Frame::data(Bytes::from_static(&[b'x'; 4096])));
                Response::new(StreamBody::new(stream::repeat_with(frame)).boxed())
            }
        }
    }
}

fn whole(
    status: u16,
    headers: &[(&'static str, String)],
    body: Bytes,
) -> Response<BoxBody<Bytes, Infallible>> {
    let mut response = Response::new(Full::new(body).boxed());
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    for (name, value) in headers {
        response.headers_mut().insert(*name, value.parse().expect("a header's value"));
    }
    response
}
