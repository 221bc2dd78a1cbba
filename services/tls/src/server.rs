//! The server's side: a certificate that can change while it serves.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwap;
use rustls::{
    ServerConfig,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{sleep, timeout},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::sync::CancellationToken;

use crate::{TlsError, TlsFiles, files::Stamp, provider};

/// How long a peer may take to agree on how to speak.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How often is looked whether the files are others.
const LOOK: Duration = Duration::from_secs(5);

/// What is spoken inside of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/2.
    Http2,
    /// HTTP/1.1.
    Http1,
}

impl Protocol {
    pub(crate) fn alpn(self) -> Vec<u8> {
        match self {
            Self::Http2 => b"h2".to_vec(),
            Self::Http1 => b"http/1.1".to_vec(),
        }
    }
}

/// Speaks TLS with whoever connects. A clone has the same certificate.
#[derive(Clone)]
pub struct TlsServer {
    acceptor: TlsAcceptor,
    patience: Duration,
    identity: Arc<Identity>,
}

impl std::fmt::Debug for TlsServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsServer").field("files", &self.identity.files).finish_non_exhaustive()
    }
}

/// The certificate in force.
#[derive(Debug)]
struct Identity {
    files: TlsFiles,
    /// How the files were when they were last read.
    seen: Mutex<Option<Stamp>>,
    current: ArcSwap<CertifiedKey>,
}

impl ResolvesServerCert for Identity {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.load_full())
    }
}

impl TlsServer {
    /// Reads the files; offers `protocols`, the preferred one first.
    ///
    /// # Errors
    /// When the files cannot be used.
    pub fn open(files: TlsFiles, protocols: &[Protocol]) -> Result<Self, TlsError> {
        let current = ArcSwap::new(files.read()?);
        let unfit =
            |error| TlsError::Unfit { certificate: files.certificate.clone(), key: files.key.clone(), error };
        let builder = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        let builder = builder.map_err(unfit)?.with_no_client_auth();
        let identity = Arc::new(Identity { files, seen: Mutex::default(), current });
        let mut config = builder.with_cert_resolver(Arc::clone(&identity) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.alpn()).collect();
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), patience: HANDSHAKE, identity })
    }

    /// With another patience for peers than 10 s.
    #[must_use]
    pub fn patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Agrees with a peer on how to speak.
    ///
    /// # Errors
    /// When they do not agree, the peer speaks something else, or it takes too long.
    pub async fn accept<IO>(&self, stream: IO) -> io::Result<TlsStream<IO>>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        timeout(self.patience, self.acceptor.accept(stream))
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    /// Looks every 5 s whether the files are others, and takes what they hold, until `stop` is cancelled.
    pub async fn keep_current(self, stop: CancellationToken) {
        loop {
            self.refresh().await;
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep(LOOK) => {}
            }
        }
    }

    /// Takes what the files hold, if they are others than before. When they cannot be used, that is logged and what was
    /// in force stays. Connections that are open keep what they began with.
    pub async fn refresh(&self) {
        let identity = Arc::clone(&self.identity);
        // It panics nowhere, and otherwise it would be tried again.
        let _ = tokio::task::spawn_blocking(move || identity.refresh()).await;
    }
}

impl Identity {
    fn refresh(&self) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        // Before they are read: what is written meanwhile is seen the next time.
        let stamp = self.files.stamp();
        if seen.replace(stamp) == Some(stamp) {
            return;
        }
        let certificate = self.files.certificate.display();
        match self.files.read() {
            Ok(found) if found.cert == self.current.load().cert => {}
            Ok(found) => {
                self.current.store(found);
                tracing::info!(%certificate, "new certificate in force");
            }
            Err(error) => {
                tracing::error!(%error, "the new certificate cannot be used: the old one stays in force");
            }
        }
    }
}
