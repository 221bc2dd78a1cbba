//! The API as browsers reach it: gRPC-Web over HTTP/1.1, and who may read it from a web page.

use std::convert::Infallible;

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use futures::stream;
use http::{HeaderMap, Method, Request, Response, StatusCode, header::ORIGIN};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::{
    body::{Body, Frame, Incoming},
    client::conn::http1,
};
use hyper_util::rt::TokioIo;
use prost::Message;
use tokio::net::TcpStream;
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tributary_domain::id::MessageId;
use tributary_proto::admin::v1::{
    ListAgenciesRequest, ListAgenciesResponse, TailRequest, TailResponse, tail_response::Entry,
};

use crate::{
    support::{ALLOWED_ORIGIN, World, reason},
    tail,
};

const LIST_AGENCIES: &str = "/tributary.admin.v1.AgencyService/ListAgencies";
const TAIL: &str = "/tributary.admin.v1.LogService/Tail";
/// A page that nobody allowed.
const OTHER_ORIGIN: &str = "https://elsewhere.example.com";
/// The bit of a frame that holds trailers.
const TRAILERS: u8 = 0x80;

/// A message as gRPC-Web sends it: a flag, its length, itself.
fn framed(message: &impl Message) -> Vec<u8> {
    let body = message.encode_to_vec();
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&[0], length.as_slice(), &body].concat()
}

/// The first frame of `bytes` and what follows it; none when it is not all there.
fn split(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (flag, rest) = bytes.split_first()?;
    let (length, rest) = rest.split_at_checked(4)?;
    let length = u32::from_be_bytes(length.try_into().ok()?);
    let (frame, rest) = rest.split_at_checked(length as usize)?;
    Some((*flag, frame, rest))
}

/// Sends a request over a connection of its own, in HTTP/1.1.
async fn send<B>(world: &World, request: Request<B>) -> Response<Incoming>
where
    B: Body<Data = Bytes, Error = Infallible> + Send + 'static,
{
    let stream = TcpStream::connect(world.address).await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender.send_request(request).await.unwrap()
}

/// A call as a page of `origin` makes it.
fn call(origin: &str, path: &str, body: Vec<u8>) -> Request<Full<Bytes>> {
    Request::post(path)
        .header("host", "admin.example.com")
        .header(ORIGIN, origin)
        .header("content-type", "application/grpc-web+proto")
        .header("x-grpc-web", "1")
        .body(Full::new(body.into()))
        .unwrap()
}

/// The same with the token.
fn authorised(world: &World, mut request: Request<Full<Bytes>>) -> Request<Full<Bytes>> {
    let token = world.bearer().parse().unwrap();
    request.headers_mut().insert("authorization", token);
    request
}

fn allowed(headers: &HeaderMap) -> Option<&str> {
    headers.get("access-control-allow-origin").map(|value| value.to_str().unwrap())
}

/// Whether a list in a header has a word.
fn lists(headers: &HeaderMap, name: &str, word: &str) -> bool {
    headers[name].to_str().unwrap().split(',').any(|listed| listed.trim().eq_ignore_ascii_case(word))
}

/// The answer of a unary call, and the trailers behind it.
fn unary<M: Message + Default>(body: &[u8]) -> (M, String) {
    let (flag, message, rest) = split(body).unwrap();
    assert_eq!(flag, 0);
    let (flag, trailers, rest) = split(rest).unwrap();
    assert_eq!((flag, rest.len()), (TRAILERS, 0));
    (M::decode(message).unwrap(), String::from_utf8(trailers.to_vec()).unwrap())
}

#[tokio::test]
async fn a_page_of_an_allowed_origin_calls() {
    let world = World::start().await;
    let agency = world.tenant("acme").await.name.split("/tenants/").next().unwrap().to_owned();
    let body = framed(&ListAgenciesRequest::default());
    let response = send(&world, authorised(&world, call(ALLOWED_ORIGIN, LIST_AGENCIES, body))).await;
    assert_eq!(response.status(), StatusCode::OK);
    let headers = response.headers().clone();
    assert_eq!(headers["content-type"], "application/grpc-web+proto");
    assert_eq!(allowed(&headers), Some(ALLOWED_ORIGIN));
    assert!(lists(&headers, "vary", "origin"));
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let (answer, trailers): (ListAgenciesResponse, _) = unary(&body);
    assert_eq!(answer.agencies[0].name, agency);
    assert!(trailers.lines().any(|line| line == "grpc-status:0"), "{trailers}");
}

#[tokio::test]
async fn a_body_may_be_text() {
    let world = World::start().await;
    let body = STANDARD.encode(framed(&ListAgenciesRequest::default())).into_bytes();
    let mut request = authorised(&world, call(ALLOWED_ORIGIN, LIST_AGENCIES, body));
    for name in ["content-type", "accept"] {
        request.headers_mut().insert(name, "application/grpc-web-text+proto".parse().unwrap());
    }
    let response = send(&world, request).await;
    assert_eq!(response.headers()["content-type"], "application/grpc-web-text+proto");
    let body = response.into_body().collect().await.unwrap().to_bytes();
    // Each part is encoded by itself: the message ends with its padding, and the trailers follow.
    let begin = STANDARD.decode(&body[..8]).unwrap();
    assert_eq!(begin[0], 0);
    let encoded = STANDARD.encode(framed(&ListAgenciesResponse::default()));
    let (message, trailers) = body.split_at(encoded.len());
    assert_eq!(message, encoded.as_bytes());
    let trailers = STANDARD.decode(trailers).unwrap();
    assert_eq!(split(&trailers).unwrap().0, TRAILERS);
}

#[tokio::test]
async fn a_page_can_read_why_it_was_refused() {
    let world = World::start().await;
    let body = framed(&ListAgenciesRequest::default());
    let response = send(&world, call(ALLOWED_ORIGIN, LIST_AGENCIES, body)).await;
    // An error is no HTTP error: the page's client reads it as gRPC-Web.
    assert_eq!(response.status(), StatusCode::OK);
    let headers = response.headers();
    assert_eq!(headers["content-type"], "application/grpc-web+proto");
    assert_eq!(allowed(headers), Some(ALLOWED_ORIGIN));
    for name in ["grpc-status", "grpc-message", "grpc-status-details-bin"] {
        assert!(lists(headers, "access-control-expose-headers", name), "{name}: {headers:?}");
    }
    let status = Status::from_header_map(headers).unwrap();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Unauthenticated, "TOKEN_MISSING"));
}

#[tokio::test]
async fn a_page_can_read_that_its_call_took_too_long() {
    let world = World::start().await;
    let mut request = authorised(&world, call(ALLOWED_ORIGIN, LIST_AGENCIES, Vec::new()));
    request.headers_mut().insert("grpc-timeout", "1m".parse().unwrap());
    // The server waits for a message that never comes.
    let silent = StreamBody::new(stream::pending::<Result<Frame<Bytes>, Infallible>>());
    let response = send(&world, request.map(|_| silent)).await;
    assert_eq!(allowed(response.headers()), Some(ALLOWED_ORIGIN));
    let status = Status::from_header_map(response.headers()).unwrap();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::DeadlineExceeded, "CALL_TIMEOUT"));
}

#[tokio::test]
async fn a_page_reads_a_stream_as_it_grows() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let source = world.source(&tenant, "calendly").await.source.unwrap();
    let body = framed(&TailRequest { parent: tenant.name, ..TailRequest::default() });
    let response = send(&world, authorised(&world, call(ALLOWED_ORIGIN, TAIL, body))).await;
    assert_eq!(allowed(response.headers()), Some(ALLOWED_ORIGIN));
    let mut body = response.into_body();
    for number in [1, 2] {
        assert!(world.house.told.send(tail::message(&source, number)).is_ok());
        // It comes while the stream is open, and not when it ends.
        let frame = body.frame().await.unwrap().unwrap().into_data().unwrap();
        let (flag, message, rest) = split(&frame).unwrap();
        assert_eq!((flag, rest.len()), (0, 0));
        match TailResponse::decode(message).unwrap().entry.unwrap() {
            Entry::Message(told) => assert_eq!(told.message_id, MessageId::new(1, number).to_string()),
            other => panic!("{other:?}"),
        }
    }
    world.stop().await;
    let rest = body.collect().await.unwrap().to_bytes();
    let (flag, trailers, _) = split(&rest).unwrap();
    assert_eq!(flag, TRAILERS);
    assert!(String::from_utf8_lossy(trailers).contains("grpc-status:0"));
}

/// What a browser asks before it lets a page of `origin` call.
fn preflight(origin: &str) -> Request<Full<Bytes>> {
    Request::options(LIST_AGENCIES)
        .header("host", "admin.example.com")
        .header(ORIGIN, origin)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,content-type,x-grpc-web")
        .body(Full::default())
        .unwrap()
}

#[tokio::test]
async fn a_browser_asks_without_a_token_and_is_told_what_a_page_may_send() {
    let world = World::start().await;
    let response = send(&world, preflight(ALLOWED_ORIGIN)).await;
    assert_eq!(response.status(), StatusCode::OK);
    let headers = response.headers();
    assert_eq!(allowed(headers), Some(ALLOWED_ORIGIN));
    assert!(lists(headers, "access-control-allow-methods", Method::POST.as_str()));
    for name in ["authorization", "content-type", "x-grpc-web", "x-user-agent", "grpc-timeout", "traceparent"]
    {
        assert!(lists(headers, "access-control-allow-headers", name), "{name}: {headers:?}");
    }
    assert_eq!(headers["access-control-max-age"], "3600");
}

#[tokio::test]
async fn a_page_of_another_origin_gets_no_leave() {
    let world = World::start().await;
    let near = [
        OTHER_ORIGIN,
        "null",
        "https://dashboard.example.com.elsewhere.example",
        "http://dashboard.example.com",
    ];
    for origin in near {
        assert_eq!(allowed(send(&world, preflight(origin)).await.headers()), None, "{origin}");
        let body = framed(&ListAgenciesRequest::default());
        let response = send(&world, authorised(&world, call(origin, LIST_AGENCIES, body))).await;
        assert_eq!(allowed(response.headers()), None, "{origin}");
    }
}

#[tokio::test]
async fn health_answers_a_page_without_a_token() {
    let world = World::start().await;
    let body = framed(&HealthCheckRequest::default());
    let response = send(&world, call(ALLOWED_ORIGIN, "/grpc.health.v1.Health/Check", body)).await;
    assert_eq!(allowed(response.headers()), Some(ALLOWED_ORIGIN));
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let (answer, _): (tonic_health::pb::HealthCheckResponse, _) = unary(&body);
    assert_eq!(answer.status, 1);
}

#[tokio::test]
async fn what_is_no_call_is_refused() {
    let world = World::start().await;
    let get = Request::get(LIST_AGENCIES).header("host", "x").body(Full::default()).unwrap();
    assert_eq!(send(&world, get).await.status(), StatusCode::BAD_REQUEST);
    let mut cut = framed(&ListAgenciesRequest { page_token: "x".repeat(100), ..Default::default() });
    cut.truncate(20);
    let response = send(&world, authorised(&world, call(ALLOWED_ORIGIN, LIST_AGENCIES, cut))).await;
    let status = Status::from_header_map(response.headers()).unwrap();
    assert_eq!((status.code(), allowed(response.headers())), (Code::Internal, Some(ALLOWED_ORIGIN)));
}
