//! Who may call.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tonic::Code;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tributary_proto::admin::v1::{ListAgenciesRequest, agency_service_client::AgencyServiceClient};

use crate::support::{Limits, World, reason};

/// How long a test waits for what has to happen.
const PATIENCE: Duration = Duration::from_secs(30);

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

#[tokio::test]
async fn a_connection_of_age_is_asked_to_make_room_for_a_new_one() {
    let world = World::limited(Limits { connections: 100, age: Duration::from_millis(50) }).await;
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    // The preface of HTTP/2, and settings: none.
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let goes_away = async {
        loop {
            let mut head = [0; 9];
            stream.read_exact(&mut head).await.unwrap();
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut frame = vec![0; length as usize];
            stream.read_exact(&mut frame).await.unwrap();
            if head[3] == 7 {
                return frame;
            }
        }
    };
    let frame = timeout(PATIENCE, goes_away).await.expect("it is told to go away");
    assert_eq!(frame[4..8], [0; 4], "and nothing is wrong");
}

#[tokio::test]
async fn no_more_connections_are_served_than_there_is_room_for() {
    let world = World::limited(Limits { connections: 2, age: Duration::from_secs(600) }).await;
    let ask = b"POST /grpc.health.v1.Health/Check HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n";
    // The world's own is one of them.
    let mut second = TcpStream::connect(world.address).await.unwrap();
    second.write_all(ask).await.unwrap();
    second.read_u8().await.unwrap();
    let mut third = TcpStream::connect(world.address).await.unwrap();
    third.write_all(ask).await.unwrap();
    let waits = timeout(Duration::from_millis(100), third.read_u8()).await;
    assert!(waits.is_err(), "there is no room for it");
    drop(second);
    timeout(PATIENCE, third.read_u8()).await.expect("its turn comes").unwrap();
}
