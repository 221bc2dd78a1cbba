//! Passwords, as far as the API checks and hashes them: not too many at once, and slower for those who guess.

use std::{net::IpAddr, time::Duration};

use tokio::sync::Semaphore;
use tonic::Status;
use tributary_auth::{Throttle, hash_password, is_password};
use tributary_domain::{error::ErrorCode, time::Timestamp};

use crate::error::{internal, status, wait};

/// Hashes at once: each takes a core and 19 MiB.
const AT_ONCE: usize = 2;
/// Failures in a row that cost one person at one place nothing: people mistype.
const FREE: u32 = 5;
/// Failures in a row that cost everybody at one place, or one person at all places, nothing: an office has one address,
/// and nobody should be able to lock others out.
const FREE_TOGETHER: u32 = 50;

/// Checks passwords.
#[derive(Debug)]
pub(crate) struct Passwords {
    hashes: Semaphore,
    single: Throttle,
    together: Throttle,
}

impl Default for Passwords {
    fn default() -> Self {
        Self {
            hashes: Semaphore::new(AT_ONCE),
            single: Throttle::new(FREE),
            together: Throttle::new(FREE_TOGETHER),
        }
    }
}

/// Who tries a password, and from where.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    /// The e-mail address.
    pub(crate) email: String,
    /// The address of the network, where it is known.
    pub(crate) address: Option<IpAddr>,
    /// When.
    pub(crate) at: Timestamp,
}

impl Attempt {
    fn place(&self) -> String {
        self.address.map_or_else(|| "somewhere".to_owned(), |address| address.to_string())
    }
}

impl Passwords {
    /// The place of the first of `hashes` that `password` fits.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED when too many were wrong before, UNAUTHENTICATED when this one is.
    pub(crate) async fn check(
        &self,
        attempt: &Attempt,
        password: String,
        hashes: Vec<String>,
    ) -> Result<usize, Status> {
        let place = attempt.place();
        let both = format!("{} {place}", attempt.email);
        let waits = [
            self.single.wait(&both, attempt.at),
            self.together.wait(&attempt.email, attempt.at),
            self.together.wait(&place, attempt.at),
        ];
        if let Some(longest) = waits.into_iter().flatten().max() {
            return Err(throttled(longest));
        }
        let found = self.blocking(move || first(&password, &hashes)).await?;
        if let Some(index) = found {
            self.single.succeeded(&both);
            return Ok(index);
        }
        self.single.failed(&both, attempt.at);
        self.together.failed(&attempt.email, attempt.at);
        self.together.failed(&place, attempt.at);
        tracing::info!(address = place, "a sign-in failed");
        Err(status(
            ErrorCode::Unauthenticated,
            "CREDENTIALS_WRONG",
            "no member has this e-mail address and password; who belongs to several agencies names one",
        ))
    }

    /// The hash of a password, as a PHC string.
    ///
    /// # Errors
    /// INTERNAL when it cannot be hashed.
    pub(crate) async fn hash(&self, password: String, salt: u128) -> Result<String, Status> {
        self.blocking(move || hash_password(&password, salt)).await?.map_err(|error| internal(&error))
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Status> {
        let _turn = self.hashes.acquire().await.map_err(|error| internal(&error))?;
        tokio::task::spawn_blocking(work).await.map_err(|error| internal(&error))
    }
}

fn first(password: &str, hashes: &[String]) -> Option<usize> {
    if hashes.is_empty() {
        // As long as for somebody who is known.
        is_password(password, None);
    }
    hashes.iter().position(|hash| is_password(password, Some(hash)))
}

fn throttled(longest: Duration) -> Status {
    wait(
        "SIGN_IN_THROTTLED",
        format!("too many sign-ins failed: try again in {} s", longest.as_secs().max(1)),
        longest,
    )
}
