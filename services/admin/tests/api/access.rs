//! Who may call.

use tonic::Code;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tributary_proto::admin::v1::{ListAgenciesRequest, agency_service_client::AgencyServiceClient};

use crate::support::{World, reason};

#[tokio::test]
async fn without_a_token_only_health_answers() {
    let world = World::start().await;
    let mut open = AgencyServiceClient::new(world.channel.clone());
    let refused = open.list_agencies(ListAgenciesRequest::default()).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::Unauthenticated, "TOKEN_MISSING"));
    let mut health = HealthClient::new(world.channel.clone());
    assert_eq!(health.check(HealthCheckRequest::default()).await.unwrap().into_inner().status, 1);
    world.agencies().list_agencies(ListAgenciesRequest::default()).await.unwrap();
}

#[tokio::test]
async fn a_request_that_is_too_large_is_refused() {
    let world = World::start().await;
    let request =
        ListAgenciesRequest { page_token: "x".repeat(2 * 1024 * 1024), ..ListAgenciesRequest::default() };
    let refused = world.agencies().list_agencies(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::OutOfRange);
}

#[tokio::test]
async fn a_server_that_stops_says_so_to_whoever_watches_its_health() {
    let world = World::start().await;
    let mut health = HealthClient::new(world.channel.clone());
    let mut seen = health.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert_eq!(seen.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    drop(health);
    let stopped = tokio::spawn(world.stop());
    assert_eq!(seen.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);
    drop(seen);
    stopped.await.unwrap();
}
