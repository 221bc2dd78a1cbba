//! Certificates from files, as a client sees them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio_util::sync::CancellationToken;
use tributary_tls::{Protocol, TlsClient, TlsError, TlsFiles, TlsServer};

/// Files of a certificate.
struct Certificate {
    files: TlsFiles,
    folder: TempDir,
}

impl Certificate {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let files = TlsFiles {
            certificate: folder.path().join("certificate.pem"),
            key: folder.path().join("key.pem"),
        };
        let own = Self { files, folder };
        own.renew();
        own
    }

    /// Another certificate in the same files.
    fn renew(&self) {
        let made = rcgen::generate_simple_self_signed(vec!["admin.example.com".to_owned()]).unwrap();
        fs::write(&self.files.certificate, made.cert.pem()).unwrap();
        fs::write(&self.files.key, made.signing_key.serialize_pem()).unwrap();
    }

    /// A copy of the certificate that is there now.
    fn copy(&self, name: &str) -> PathBuf {
        let copy = self.folder.path().join(name);
        fs::copy(&self.files.certificate, &copy).unwrap();
        copy
    }

    fn open(&self) -> TlsServer {
        TlsServer::open(self.files.clone(), &[Protocol::Http2, Protocol::Http1]).unwrap()
    }
}

/// A client that knows this certificate. It is made anew each time: one that talked before goes on from there without
/// looking again.
fn pinned(path: &Path) -> TlsClient {
    TlsClient::pinned(path, Protocol::Http2).unwrap()
}

/// Whether `client` trusts `server` under the name `host`; they say something to each other then, in HTTP/2.
async fn trusts(client: &TlsClient, host: &str, server: &TlsServer) -> bool {
    let (near, far) = duplex(64 * 1024);
    let serve = async {
        let Ok(mut stream) = server.accept(far).await else { return };
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let _ = stream.write_all(b"hello").await;
        let _ = stream.shutdown().await;
    };
    let ask = async {
        let Ok(mut stream) = client.connect(host, near).await else { return false };
        let mut said = String::new();
        stream.read_to_string(&mut said).await.unwrap();
        assert_eq!(said, "hello");
        true
    };
    tokio::join!(serve, ask).1
}

#[tokio::test]
async fn a_client_trusts_the_certificate_that_it_knows() {
    let (own, other) = (Certificate::new(), Certificate::new());
    let server = own.open();
    // One that is pinned needs no name.
    assert!(trusts(&pinned(&own.files.certificate), "127.0.0.1", &server).await);
    assert!(!trusts(&pinned(&other.files.certificate), "127.0.0.1", &server).await);
    let trusting = |path: &Path| TlsClient::trusting(path, Protocol::Http2).unwrap();
    assert!(trusts(&trusting(&own.files.certificate), "admin.example.com", &server).await);
    assert!(!trusts(&trusting(&own.files.certificate), "elsewhere.example.com", &server).await);
    assert!(!trusts(&trusting(&other.files.certificate), "admin.example.com", &server).await);
    assert!(!trusts(&TlsClient::well_known(Protocol::Http2).unwrap(), "admin.example.com", &server).await);
}

#[tokio::test]
async fn a_new_certificate_is_taken_and_a_bad_one_is_not() {
    let own = Certificate::new();
    let server = own.open();
    let first = own.copy("first");
    // A key that does not belong to the certificate, as between the two writes of a renewal; and half a file.
    let whole = fs::read_to_string(&own.files.key).unwrap();
    for bad in [rcgen::KeyPair::generate().unwrap().serialize_pem(), whole[..60].to_owned(), String::new()] {
        fs::write(&own.files.key, bad).unwrap();
        server.refresh().await;
        assert!(trusts(&pinned(&first), "127.0.0.1", &server).await, "the old one stays in force");
    }
    own.renew();
    let second = own.copy("second");
    server.refresh().await;
    assert!(trusts(&pinned(&second), "127.0.0.1", &server).await);
    assert!(!trusts(&pinned(&first), "127.0.0.1", &server).await);
}

#[tokio::test]
async fn what_cannot_be_used_is_named() {
    let own = Certificate::new();
    let TlsFiles { certificate, key } = own.files.clone();
    let error = |certificate: &Path, key: &Path| {
        let files = TlsFiles { certificate: certificate.to_owned(), key: key.to_owned() };
        files.check().unwrap_err()
    };
    assert!(matches!(error(&own.folder.path().join("none"), &key), TlsError::Io { .. }));
    assert!(matches!(error(&key, &key), TlsError::Missing { what: "certificate", .. }));
    assert!(matches!(error(&certificate, &certificate), TlsError::Missing { what: "private key", .. }));
    assert!(matches!(error(&certificate, &Certificate::new().files.key), TlsError::Unfit { .. }));
    assert!(own.files.check().is_ok());
    // Nothing of the key is told.
    let secret = fs::read_to_string(&key).unwrap().replace('\n', "");
    let told = error(&certificate, &certificate).to_string();
    assert!(!told.contains(&secret[40..60]), "{told}");
}

#[tokio::test]
async fn the_files_are_looked_at_until_it_stops() {
    let own = Certificate::new();
    let (server, stop) = (own.open(), CancellationToken::new());
    own.renew();
    let watch = tokio::spawn(server.clone().keep_current(stop.clone()));
    while !trusts(&pinned(&own.files.certificate), "127.0.0.1", &server).await {
        tokio::task::yield_now().await;
    }
    stop.cancel();
    watch.await.unwrap();
}

#[tokio::test]
async fn a_peer_that_says_nothing_is_left() {
    let server = Certificate::new().open().patience(Duration::from_millis(10));
    let (_silent, far) = duplex(1024);
    assert_eq!(server.accept(far).await.unwrap_err().kind(), std::io::ErrorKind::TimedOut);
}
