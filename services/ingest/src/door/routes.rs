//! The public routes.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::any,
};
use tributary_domain::id::MessageId;

use super::{Door, receive::Taken};
use crate::Refusal;

/// What a webhook's path starts with; the secret follows.
const PREFIX: &str = "/in/";
/// What the path of what pages send starts with; the write key follows.
pub(crate) const COLLECT: &str = "/collect/";

impl Door {
    /// `POST /in/{secret}` takes a webhook: 202 with its id once it is durable. A `GET` of it answers a provider that asks
    /// whose URL it is.
    /// `POST /collect/{write_key}` takes what a page sends: 202 with the ids of its messages once all are durable.
    /// `GET /tag/{write_key}.js` and `/tag/{write_key}/{version}.js` are the tag and its scripts.
    pub fn router(self: Arc<Self>) -> Router {
        Router::new()
            .route("/in/{secret}", any(webhook))
            .route("/collect/{write_key}", any(collect))
            .route("/tag/{*file}", any(tag))
            .fallback(nowhere)
            .with_state(self)
    }
}

async fn webhook(State(door): State<Arc<Door>>, request: Request) -> Response {
    // The path is cheap to clone: it shares the bytes of the request's head.
    let uri = request.uri().clone();
    let secret = uri.path().strip_prefix(PREFIX).unwrap_or_default();
    let taken = match *request.method() {
        Method::POST => door.receive(secret, request).await,
        Method::GET => door.answer(secret, &request.into_parts().0).map(Taken::Question),
        _ => Err(door.count(Refusal::MethodNotAllowed)),
    };
    match taken {
        Ok(Taken::Message(message)) => accepted(message),
        Ok(Taken::Question(answer)) => answered(answer),
        Err(refusal) => refusal.into_response(),
    }
}

async fn collect(State(door): State<Arc<Door>>, request: Request) -> Response {
    let uri = request.uri().clone();
    let key = uri.path().strip_prefix(COLLECT).unwrap_or_default();
    match *request.method() {
        Method::POST => door.collect(key, request).await,
        Method::OPTIONS => door.preflight(key, request.headers()),
        _ => door.count(Refusal::MethodNotAllowed).into_response(),
    }
}

async fn tag(State(door): State<Arc<Door>>, request: Request) -> Response {
    door.tag(request.method(), request.uri().path(), request.headers())
}

async fn nowhere(State(door): State<Arc<Door>>) -> Response {
    door.count(Refusal::RouteUnknown).into_response()
}

fn accepted(message: MessageId) -> Response {
    accepted_as(format!(r#"{{"message_id":"{message}"}}"#))
}

/// 202 with this JSON.
pub(super) fn accepted_as(json: String) -> Response {
    let mut response = Response::new(Body::from(json));
    *response.status_mut() = StatusCode::ACCEPTED;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Plain text, whatever a browser might take it for.
fn answered(answer: String) -> Response {
    let mut response = Response::new(Body::from(answer));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
