//! TLS at the listeners.

use std::path::PathBuf;

use anyhow::Context;
use tokio_util::sync::CancellationToken;
use tributary_tls::{Protocol, TlsFiles, TlsServer};

/// What is spoken below HTTP at a listener, with a certificate that is kept current until `stop` is cancelled; none
/// where none is configured.
///
/// # Errors
/// When the certificate cannot be used.
pub(super) fn open(
    files: Option<TlsFiles>,
    protocols: &[Protocol],
    what: &str,
    stop: &CancellationToken,
) -> anyhow::Result<Option<TlsServer>> {
    let Some(files) = files else { return Ok(None) };
    let tls = TlsServer::open(files, protocols).with_context(|| format!("{what} cannot speak TLS"))?;
    tokio::spawn(tls.clone().keep_current(stop.clone()));
    Ok(Some(tls))
}

/// Where the certificate is, for whoever works in another folder.
pub(super) fn certificate(files: Option<TlsFiles>) -> Option<PathBuf> {
    files.and_then(|files| std::path::absolute(files.certificate).ok())
}
