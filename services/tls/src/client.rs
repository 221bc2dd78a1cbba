//! The client's side: whom to trust.

use std::{io, path::Path, sync::Arc};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::{Protocol, TlsError, files::certificates, provider};

/// Speaks TLS with a server that it trusts.
#[derive(Clone)]
pub struct TlsClient(Arc<ClientConfig>);

impl std::fmt::Debug for TlsClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsClient").finish_non_exhaustive()
    }
}

impl TlsClient {
    /// Trusts the server that has the very certificate in the file at `path`, whatever its name is: for a server on this
    /// machine, whose files can be read.
    ///
    /// # Errors
    /// When the file cannot be read, or holds no certificate.
    pub fn pinned(path: &Path, protocol: Protocol) -> Result<Self, TlsError> {
        let mut chain = certificates(path)?;
        let verifier = Pinned { certificate: chain.swap_remove(0), provider: provider() };
        Self::verifying(path, Arc::new(verifier), protocol)
    }

    /// Trusts servers with a certificate that is, or leads to, one of those in the file at `path`.
    ///
    /// # Errors
    /// When the file cannot be read, or holds no certificates.
    pub fn trusting(path: &Path, protocol: Protocol) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(path)? {
            roots.add(certificate).map_err(|error| TlsError::Untrusted { path: path.to_owned(), error })?;
        }
        Self::rooted(path, roots, protocol)
    }

    /// Trusts servers with a certificate of an authority that browsers trust.
    ///
    /// # Errors
    /// None that could be mended.
    pub fn well_known(protocol: Protocol) -> Result<Self, TlsError> {
        let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        Self::rooted(Path::new("webpki"), roots, protocol)
    }

    fn rooted(path: &Path, roots: RootCertStore, protocol: Protocol) -> Result<Self, TlsError> {
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build();
        let verifier = verifier.map_err(|error| TlsError::Untrusted {
            path: path.to_owned(),
            error: Error::General(error.to_string()),
        })?;
        Self::verifying(path, verifier, protocol)
    }

    fn verifying(
        path: &Path,
        verifier: Arc<dyn ServerCertVerifier>,
        protocol: Protocol,
    ) -> Result<Self, TlsError> {
        let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        let builder = builder.map_err(|error| TlsError::Untrusted { path: path.to_owned(), error })?;
        let mut config = builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
        config.alpn_protocols = vec![protocol.alpn()];
        Ok(Self(Arc::new(config)))
    }

    /// The same for a client that chooses the protocol itself.
    pub fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::clone(&self.0);
        config.alpn_protocols.clear();
        config
    }

    /// Agrees with the server `host` on how to speak.
    ///
    /// # Errors
    /// When it is not trusted, or speaks something else.
    pub async fn connect<IO>(&self, host: &str, stream: IO) -> io::Result<TlsStream<IO>>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        // An IPv6 address stands in brackets in a URL.
        let name = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(name).map_err(io::Error::other)?;
        TlsConnector::from(Arc::clone(&self.0)).connect(name, stream).await
    }
}

/// Trusts one certificate.
#[derive(Debug)]
struct Pinned {
    certificate: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        presented: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if *presented == self.certificate {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
        }
    }

    /// That the peer has the certificate's key.
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
