//! The operator's routes.

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use http_body_util::BodyExt;
use tower::ServiceExt;
use tributary_ingest::{Readiness, operations};
use tributary_telemetry::Exposition;

async fn get(path: &str, readiness: &Readiness) -> (StatusCode, String) {
    let router = operations(readiness.clone(), Exposition::default());
    let request = Request::get(path).body(Body::empty()).expect("a request");
    let response = router.oneshot(request).await.expect("routers do not fail");
    let status = response.status();
    let body = response.into_body().collect().await.expect("whole").to_bytes();
    (status, String::from_utf8(body.to_vec()).expect("text"))
}

#[tokio::test]
async fn readiness_follows_the_process_and_health_does_not() {
    let readiness = Readiness::default();
    assert_eq!(get("/readyz", &readiness).await.0, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(get("/healthz", &readiness).await.0, StatusCode::OK);
    readiness.serve();
    assert_eq!(get("/readyz", &readiness).await.0, StatusCode::OK);
    readiness.drain();
    assert_eq!(get("/readyz", &readiness).await.0, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(get("/metrics", &readiness).await.0, StatusCode::OK);
}
