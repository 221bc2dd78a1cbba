//! Names to addresses.

use std::{fmt, io, net::IpAddr, sync::Arc};

use async_trait::async_trait;
use tokio::sync::Semaphore;

/// Turns a host name into addresses. A seam: tests hand in resolvers that lie.
#[async_trait]
pub trait Resolve: Send + Sync + fmt::Debug {
    /// All addresses of `host`, the preferred one first.
    ///
    /// # Errors
    /// When the name is unknown or no answer came.
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>>;
}

/// How many names are looked up at a time.
const LOOKUPS: usize = 32;

/// The resolver of the operating system.
///
/// A look-up blocks a thread of the runtime's pool and cannot be cancelled, so only few go at a time: names that
/// hang must not take the threads which others, such as the database, need.
#[derive(Debug, Clone)]
pub struct SystemResolver {
    lookups: Arc<Semaphore>,
}

impl Default for SystemResolver {
    fn default() -> Self {
        Self { lookups: Arc::new(Semaphore::new(LOOKUPS)) }
    }
}

#[async_trait]
impl Resolve for SystemResolver {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let permit = Arc::clone(&self.lookups).acquire_owned().await.map_err(io::Error::other)?;
        let host = host.to_owned();
        // A task of its own, because the permit has to outlive a caller who gives up waiting.
        let lookup = tokio::spawn(async move {
            let found = tokio::net::lookup_host((host.as_str(), 0))
                .await
                .map(|all| all.map(|one| one.ip()).collect());
            drop(permit);
            found
        });
        lookup.await.map_err(io::Error::other)?
    }
}
