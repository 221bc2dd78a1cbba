//! The identity providers that are trusted, and their keys, which change when the provider wants.

use std::{fmt, sync::Arc, time::Duration};

use tokio::sync::Mutex;
use tonic::Status;
use tributary_auth::{ExternalIdentity, IdentityRefused, ProviderKeys, ProviderRules, issuer_of};
use tributary_domain::{error::ErrorCode, time::Timestamp};

use crate::error::status;

/// How long a provider's keys are believed.
const BELIEVED: Duration = Duration::from_secs(60 * 60);
/// How long keys are used that cannot be read anew.
const USED: Duration = Duration::from_secs(24 * 60 * 60);
/// How soon after a reading there may be another one, whatever tokens say that they were signed with.
const PAUSE: Duration = Duration::from_secs(30);

/// Where a provider's keys are read.
#[tonic::async_trait]
pub trait KeySource: Send + Sync {
    /// The provider's JSON Web Key Set.
    ///
    /// # Errors
    /// Why there is none, for the log.
    async fn read(&self) -> Result<Vec<u8>, String>;
}

/// An identity provider that is trusted to say who somebody is, in one agency.
#[derive(Clone)]
pub struct IdentityProvider {
    /// Which of its tokens are trusted.
    pub rules: ProviderRules,
    /// The key of the agency whose members it knows.
    pub agency: String,
    /// Where its keys are read.
    pub keys: Arc<dyn KeySource>,
}

impl fmt::Debug for IdentityProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdentityProvider")
            .field("issuer", &self.rules.issuer)
            .field("agency", &self.agency)
            .finish_non_exhaustive()
    }
}

/// Whom a provider vouches for.
#[derive(Debug)]
pub(crate) struct Vouch {
    pub(crate) issuer: String,
    /// The key of the agency.
    pub(crate) agency: String,
    pub(crate) identity: ExternalIdentity,
}

/// All that are trusted.
#[derive(Debug)]
pub(crate) struct Providers(Vec<(IdentityProvider, Mutex<Cached>)>);

#[derive(Debug, Default)]
struct Cached {
    keys: Arc<ProviderKeys>,
    /// When they were read.
    read_at: Option<Timestamp>,
    /// When it was last tried to read them.
    tried_at: Option<Timestamp>,
}

impl Providers {
    pub(crate) fn new(providers: Vec<IdentityProvider>) -> Self {
        Self(providers.into_iter().map(|provider| (provider, Mutex::default())).collect())
    }

    /// Whom a token speaks of. Where several providers have its issuer, as the domains of one company do, the first counts
    /// whose rules hold.
    ///
    /// # Errors
    /// UNAUTHENTICATED when no provider's rules hold; UNAVAILABLE when its keys cannot be read.
    pub(crate) async fn identify(&self, token: &str, now: Timestamp) -> Result<Vouch, Status> {
        let issuer = issuer_of(token).map_err(refused)?;
        let (mut why, mut failure) = (None, None);
        for (provider, cached) in self.0.iter().filter(|(provider, _)| provider.rules.issuer == issuer) {
            match verify(provider, cached, token, now).await {
                Ok(Ok(identity)) => {
                    return Ok(Vouch { issuer, agency: provider.agency.clone(), identity });
                }
                Ok(Err(refusal)) => why = Some(refusal),
                // Another one of the issuer may have its keys.
                Err(status) => failure = Some(status),
            }
        }
        Err(failure.unwrap_or_else(|| why.map_or_else(unknown_issuer, refused)))
    }
}

async fn verify(
    provider: &IdentityProvider,
    cached: &Mutex<Cached>,
    token: &str,
    now: Timestamp,
) -> Result<Result<ExternalIdentity, IdentityRefused>, Status> {
    let keys = keys(provider, cached, now, BELIEVED).await?;
    match provider.rules.verify(&keys, token, now) {
        // It may have been signed with a key that is new.
        Err(IdentityRefused::UnknownKey) => {
            let keys = self::keys(provider, cached, now, PAUSE).await?;
            Ok(provider.rules.verify(&keys, token, now))
        }
        outcome => Ok(outcome),
    }
}

/// The provider's keys, read no longer ago than `believed` where that can be.
async fn keys(
    provider: &IdentityProvider,
    cached: &Mutex<Cached>,
    now: Timestamp,
    believed: Duration,
) -> Result<Arc<ProviderKeys>, Status> {
    // Held while they are read: all who want them wait for the same reading.
    let mut cached = cached.lock().await;
    let is_within = |at: Option<Timestamp>, span| at.is_some_and(|at| now.since(at) < span);
    if !is_within(cached.read_at, believed) && !is_within(cached.tried_at, PAUSE) {
        cached.tried_at = Some(now);
        let read = provider.keys.read().await;
        match read.and_then(|jwks| ProviderKeys::parse(&jwks).map_err(|error| error.to_string())) {
            Ok(keys) => *cached = Cached { keys: Arc::new(keys), read_at: Some(now), tried_at: Some(now) },
            Err(error) => {
                tracing::warn!(
                    issuer = provider.rules.issuer,
                    error,
                    "an identity provider's keys cannot be read"
                );
            }
        }
    }
    if is_within(cached.read_at, USED) { Ok(Arc::clone(&cached.keys)) } else { Err(unavailable()) }
}

fn refused(why: IdentityRefused) -> Status {
    tracing::info!(%why, "a token of an identity provider is refused");
    let message = "the ID token is not valid here: sign in at the identity provider again, or look into the log for the \
                   rule that it breaks";
    status(ErrorCode::Unauthenticated, "ID_TOKEN_INVALID", message)
}

fn unknown_issuer() -> Status {
    tracing::info!("a token of an identity provider is refused that is not configured");
    let message = "the ID token comes of no identity provider that is trusted here: see `admin.identity_providers` of the configuration";
    status(ErrorCode::Unauthenticated, "ID_TOKEN_INVALID", message)
}

fn unavailable() -> Status {
    let message = "the keys of the identity provider cannot be read at the moment: try again in a minute";
    status(ErrorCode::Unavailable, "IDENTITY_PROVIDER_UNAVAILABLE", message)
}
