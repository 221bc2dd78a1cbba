//! The operator's routes, on a listener of their own: they tell about the process and are not for the public.

use axum::{
    Router,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use tributary_telemetry::Exposition;

use super::Readiness;

/// `GET /healthz`: the process runs. `GET /readyz`: it takes work, else 503. `GET /metrics`: for Prometheus.
pub fn operations(readiness: Readiness, exposition: Exposition) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(move || async move { ready(&readiness) }))
        .route("/metrics", get(move || async move { metrics(&exposition) }))
}

fn ready(readiness: &Readiness) -> (StatusCode, &'static str) {
    if readiness.is_serving() {
        (StatusCode::OK, "ready\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
    }
}

fn metrics(exposition: &Exposition) -> Response {
    match exposition.render() {
        Ok(text) => ([(header::CONTENT_TYPE, Exposition::CONTENT_TYPE)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "metrics not rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
