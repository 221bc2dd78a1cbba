//! TLS: the server's certificate from files, read again when they change; and what a client trusts.

mod client;
mod files;
mod server;

pub use client::TlsClient;
pub use files::{TlsError, TlsFiles};
pub use server::{Protocol, TlsServer};
pub use tokio_rustls::{client::TlsStream as ClientStream, server::TlsStream as ServerStream};

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};

/// The one set of algorithms.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}
