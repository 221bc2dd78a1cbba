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

/// Most who wait for their turn: with more, nobody would get one in time.
const WAITING: usize = 64;
/// The longest wait of one person at one place.
const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);
/// The longest wait of everybody at a place, or of a person at all places: enough to slow guessing down, and too short to
/// lock somebody out with.
const LONGEST_TOGETHER: Duration = Duration::from_secs(10);

/// Checks passwords.
#[derive(Debug)]
pub(crate) struct Passwords {
    hashes: Semaphore,
    places: Semaphore,
    single: Throttle,
    together: Throttle,
}

impl Default for Passwords {
    fn default() -> Self {
        Self {
            hashes: Semaphore::new(AT_ONCE),
            places: Semaphore::new(WAITING),
            single: Throttle::new(FREE, LONGEST_WAIT),
            together: Throttle::new(FREE_TOGETHER, LONGEST_TOGETHER),
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
    /// The network that the attempt comes from: whoever has an address of IPv6 has 2^64 of them.
    fn place(&self) -> String {
        match self.address {
            Some(IpAddr::V6(address)) => {
                let [a, b, c, d, ..] = address.segments();
                format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
            }
            Some(IpAddr::V4(address)) => address.to_string(),
            None => "somewhere".to_owned(),
        }
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
        // Counted before it is known, so that of many at once no more are tried than one after another.
        self.single.failed(&both, attempt.at);
        self.together.failed(&attempt.email, attempt.at);
        self.together.failed(&place, attempt.at);
        let agencies = hashes.len();
        let found = self.blocking(move || first(&password, &hashes)).await?;
        let Some(index) = found else {
            tracing::info!(address = place, "a sign-in failed");
            return Err(credentials_wrong());
        };
        self.together.forgive(&attempt.email);
        self.together.forgive(&place);
        // Of several agencies, the password of one says nothing about guesses at the others'.
        if agencies == 1 {
            self.single.succeeded(&both);
        }
        Ok(index)
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
        let _place = self.places.try_acquire().map_err(|_| {
            wait("SIGN_IN_BUSY", "too many passwords are being checked: try again", Duration::from_secs(1))
        })?;
        let _turn = self.hashes.acquire().await.map_err(|error| internal(&error))?;
        tokio::task::spawn_blocking(work).await.map_err(|error| internal(&error))
    }
}

/// UNAUTHENTICATED for an e-mail address and a password that do not belong together.
pub(crate) fn credentials_wrong() -> Status {
    status(
        ErrorCode::Unauthenticated,
        "CREDENTIALS_WRONG",
        "no member has this e-mail address and password; who belongs to several agencies names one",
    )
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
