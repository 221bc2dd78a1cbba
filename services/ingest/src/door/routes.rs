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

impl Door {
    /// `POST /in/{secret}` takes a webhook: 202 with its id once it is durable. A `GET` of it answers a provider that asks
    /// whose URL it is. Every other answer is a problem.
    pub fn router(self: Arc<Self>) -> Router {
        Router::new().route("/in/{secret}", any(webhook)).fallback(nowhere).with_state(self)
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

async fn nowhere(State(door): State<Arc<Door>>) -> Response {
    door.count(Refusal::RouteUnknown).into_response()
}

fn accepted(message: MessageId) -> Response {
    let mut response = Response::new(Body::from(format!(r#"{{"message_id":"{message}"}}"#)));
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
