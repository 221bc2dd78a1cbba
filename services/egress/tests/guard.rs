//! The connection goes to the address that was checked, and to no other.

mod common;

use std::{io, sync::Arc, time::Duration};

use common::{Names, PATIENCE, Receiver, egress, local, post};
use http::{HeaderValue, Method};
use rustls::{
    ServerConfig, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
    server::Acceptor,
};
use tributary_egress::{Egress, EgressErrorKind, Policy, SystemResolver};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const OK_ONCE: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";

/// A receiver that may be reached and, on the same port, one that may not.
async fn pair(answer: &str) -> (Receiver, Receiver) {
    let allowed = Receiver::answering("127.0.0.2:0", answer).await;
    let forbidden = Receiver::answering(&format!("127.0.0.1:{}", allowed.address.port()), answer).await;
    (allowed, forbidden)
}

#[tokio::test]
async fn a_name_that_changes_its_mind_is_refused_the_second_time() {
    let (allowed, forbidden) = pair(OK_ONCE).await;
    let names = Names::one("rebind.example", &[&["127.0.0.2"], &["127.0.0.1"]]);
    let egress = egress(&["127.0.0.2/32"], Arc::<Names>::clone(&names));
    let url = format!("http://rebind.example:{}/", allowed.address.port());
    assert_eq!(egress.send(post(&url)).await.unwrap().status, 200);
    assert_eq!(names.asked(), 1, "one look-up a connection, not one to check and one to connect");
    let error = egress.send(post(&url)).await.unwrap_err();
    assert_eq!(error.kind(), EgressErrorKind::AddressRefused);
    assert_eq!((allowed.connections(), forbidden.connections()), (1, 0));
}

#[tokio::test]
async fn a_kept_connection_stays_where_it_was_checked() {
    let (allowed, forbidden) = pair(OK).await;
    let names = Names::one("rebind.example", &[&["127.0.0.2"], &["127.0.0.1"]]);
    let egress = egress(&["127.0.0.2/32"], Arc::<Names>::clone(&names));
    let url = format!("http://rebind.example:{}/", allowed.address.port());
    for _ in 0..50 {
        assert_eq!(egress.send(post(&url)).await.unwrap().status, 200);
    }
    assert_eq!((names.asked(), allowed.connections(), forbidden.connections()), (1, 1, 0));
}

#[tokio::test]
async fn of_several_addresses_only_the_permitted_are_used() {
    let (allowed, forbidden) = pair(OK).await;
    let names = Names::one("mixed.example", &[&["127.0.0.1", "::1", "::ffff:127.0.0.2", "127.0.0.1"]]);
    let url = format!("http://mixed.example:{}/", allowed.address.port());
    assert_eq!(egress(&["127.0.0.2/32"], names).send(post(&url)).await.unwrap().status, 200);
    assert_eq!((allowed.connections(), forbidden.connections()), (1, 0));
}

#[tokio::test]
async fn the_next_address_is_tried_when_one_refuses() {
    let receiver = Receiver::answering("127.0.0.2:0", OK).await;
    let names = Names::one("two.example", &[&["127.0.0.3", "127.0.0.2"]]);
    let url = format!("http://two.example:{}/", receiver.address.port());
    assert_eq!(egress(&["127.0.0.0/8"], names).send(post(&url)).await.unwrap().status, 200);
}

#[tokio::test]
async fn allowed_subnets_are_reached_by_the_real_resolver_too() {
    let receiver = Receiver::answering("127.0.0.1:0", OK).await;
    let egress = egress(&["127.0.0.0/8"], Arc::new(SystemResolver::default()));
    let url = format!("http://localhost.:{}/", receiver.address.port());
    assert_eq!(egress.send(post(url)).await.unwrap().body, "ok");
}

#[tokio::test]
async fn unknown_names_and_closed_ports_are_told_apart() {
    let error = local().send(post("https://unknown.example/")).await.unwrap_err();
    assert_eq!(error.kind(), EgressErrorKind::Dns, "{error}");
    let error = egress(&[], Names::one("empty.example", &[&[]]))
        .send(post("https://empty.example/"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), EgressErrorKind::Dns, "{error}");
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = local().send(post(format!("http://{closed}/"))).await.unwrap_err();
    assert_eq!(error.kind(), EgressErrorKind::Connect, "{error}");
    assert!(error.kind().is_retryable());
}

#[tokio::test]
async fn headers_of_the_transport_and_odd_methods_are_refused() {
    let receiver = Receiver::answering("127.0.0.1:0", OK).await;
    for name in
        ["host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "proxy-authorization"]
    {
        let mut request = post(receiver.url());
        request.headers.insert(name, HeaderValue::from_static("1"));
        let error = local().send(request).await.unwrap_err();
        assert_eq!(error.kind(), EgressErrorKind::InvalidRequest, "{name}");
    }
    for method in [Method::CONNECT, Method::TRACE, Method::OPTIONS] {
        let error = local()
            .send(tributary_egress::OutboundRequest { method, ..post(receiver.url()) })
            .await
            .unwrap_err();
        assert_eq!(error.kind(), EgressErrorKind::InvalidRequest);
    }
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn connections_are_bounded_and_whoever_waits_gets_one() {
    let receiver = Receiver::answering("127.0.0.1:0", OK_ONCE).await;
    let policy =
        Policy { allow: vec!["127.0.0.0/8".parse().unwrap()], max_connections: 1, ..Policy::default() };
    let egress = Egress::new(policy, Arc::<Names>::default()).unwrap();
    let all = (0..20).map(|_| {
        let (egress, url) = (egress.clone(), receiver.url());
        tokio::spawn(async move { egress.send(post(url)).await })
    });
    for one in all.collect::<Vec<_>>() {
        assert_eq!(one.await.unwrap().unwrap().status, 200);
    }
}

#[tokio::test]
async fn without_a_free_connection_the_wait_ends() {
    let hanging = Receiver::start("127.0.0.1:0", |stream| async move {
        let _open = stream;
        std::future::pending().await
    })
    .await;
    let policy = Policy {
        allow: vec!["127.0.0.0/8".parse().unwrap()],
        max_connections: 1,
        connect_timeout: Duration::from_millis(50),
        ..Policy::default()
    };
    let egress = Egress::new(policy, Arc::<Names>::default()).unwrap();
    let other = Receiver::answering("127.0.0.1:0", OK).await;
    let (first, url) = (egress.clone(), hanging.url());
    let first = tokio::spawn(async move { first.send(post(url)).await });
    while hanging.connections() == 0 {
        tokio::task::yield_now().await;
    }
    let error = egress.send(post(other.url())).await.unwrap_err();
    assert_eq!(error.kind(), EgressErrorKind::Connect, "{error}");
    first.abort();
}

#[tokio::test]
async fn https_to_a_plain_port_is_a_tls_failure() {
    let plain = Receiver::start("127.0.0.1:0", |mut stream| async move {
        tokio::io::AsyncWriteExt::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n").await
    })
    .await;
    let error = local().send(post(format!("https://{}/", plain.address))).await.unwrap_err();
    assert_eq!(error.kind(), EgressErrorKind::Tls, "{error}");
}

/// Speaks TLS with a certificate of its own, made for this test and trusted by nobody; gives the name that the client asked for.
fn self_signed(listener: &std::net::TcpListener) -> io::Result<Option<String>> {
    let certificate = CertificateDer::from(include_bytes!("data/self-signed.crt.der").as_slice());
    let key = PrivatePkcs8KeyDer::from(include_bytes!("data/self-signed.key.der").as_slice());
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| {
            builder.with_no_client_auth().with_single_cert(vec![certificate], PrivateKeyDer::Pkcs8(key))
        })
        .map_err(io::Error::other)?;
    let (mut stream, _) = listener.accept()?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut acceptor = Acceptor::default();
    let accepted = loop {
        acceptor.read_tls(&mut stream)?;
        if let Some(accepted) = acceptor.accept().map_err(|(error, _)| io::Error::other(error))? {
            break accepted;
        }
    };
    let name = accepted.client_hello().server_name().map(str::to_owned);
    let connection =
        accepted.into_connection(Arc::new(config)).map_err(|(error, _)| io::Error::other(error))?;
    // The client is expected to break off here.
    let _ = io::Read::read(&mut StreamOwned::new(connection, stream), &mut [0; 1]);
    Ok(name)
}

#[tokio::test]
async fn a_certificate_of_ones_own_is_not_trusted_and_the_name_is_asked_for() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::task::spawn_blocking(move || self_signed(&listener));
    let names = Names::one("receiver.test", &[&["127.0.0.1"]]);
    let url = format!("https://receiver.test.:{port}/");
    let error = egress(&["127.0.0.0/8"], names).send(post(url)).await.unwrap_err();
    assert_eq!(error.kind(), EgressErrorKind::Tls, "{error}");
    assert!(error.to_string().contains("UnknownIssuer"), "{error}");
    assert_eq!(server.await.unwrap().unwrap().as_deref(), Some("receiver.test"));
}
