//! A member's session as commands use it: access tokens of a few minutes, and refresh tokens that work once each.

use anyhow::{anyhow, bail};
use tonic::Code;
use tributary_domain::time::Clock;
use tributary_proto::admin::v1::{
    EndSessionRequest, RefreshSessionRequest, SessionTokens, auth_service_client::AuthServiceClient,
};
use tributary_telemetry::ambient::SystemClock;

use super::{
    file::{Context, Credentials},
    store::Store,
};
use crate::{
    cli::{client::refused, reach::Reach},
    config::Config,
};

/// An access token that ends sooner is not used any more, in seconds: a call takes its time.
const MARGIN: i64 = 30;

/// The token that calls of a context are made with. Where a session's has run out, a new one is got; that is done by one
/// command at a time, and what is got is kept before it is used, so that no refresh token comes twice.
///
/// # Errors
/// When nobody is signed in, the session is over, or nobody answers.
pub(super) async fn access_token(
    store: &Store,
    context: &Context,
    reach: &Reach,
    config: &Config,
) -> anyhow::Result<String> {
    if let Some(token) = usable(context)? {
        return Ok(token);
    }
    let channel = reach.channel(config).await?;
    let locked = store.lock()?;
    let mut contexts = locked.read()?;
    // Another command may have got one meanwhile, or signed out.
    let now = contexts.get(&context.name)?;
    if let Some(token) = usable(&now)? {
        return Ok(token);
    }
    let Some(Credentials::Session { refresh_token, .. }) = now.credentials.clone() else {
        return Err(signed_out(&context.name));
    };
    let mut auth = AuthServiceClient::new(channel);
    let answer = auth.refresh_session(RefreshSessionRequest { refresh_token }).await.map_err(|status| {
        match status.code() {
            Code::Unauthenticated => {
                anyhow!("the session of the context `{0}` is over: sign in again with `tributary login --context {0}`", context.name)
            }
            _ => refused(status),
        }
    })?;
    let credentials = session(answer.into_inner().tokens)?;
    let token = access(&credentials);
    let kept = Context { credentials: Some(credentials), ..now };
    contexts.contexts.insert(context.name.clone(), kept);
    locked.write(&contexts)?;
    Ok(token)
}

/// The token of a context that is good for a while yet; none where a new one has to be got.
fn usable(context: &Context) -> anyhow::Result<Option<String>> {
    match &context.credentials {
        None => Err(signed_out(&context.name)),
        Some(Credentials::Token { token }) => Ok(Some(token.clone())),
        Some(Credentials::Session { access_token, access_expires, .. }) => {
            let left = access_expires.saturating_sub(now_seconds());
            Ok(Some(access_token.clone()).filter(|_| left > MARGIN))
        }
    }
}

fn signed_out(name: &str) -> anyhow::Error {
    anyhow!("nobody is signed in to the context `{name}`: use `tributary login --context {name}`")
}

fn now_seconds() -> i64 {
    SystemClock.now().micros() / 1_000_000
}

fn access(credentials: &Credentials) -> String {
    match credentials {
        Credentials::Token { token } => token.clone(),
        Credentials::Session { access_token, .. } => access_token.clone(),
    }
}

/// A session's tokens as they are kept.
///
/// # Errors
/// When the server left one out.
pub(super) fn session(tokens: Option<SessionTokens>) -> anyhow::Result<Credentials> {
    let tokens = tokens.filter(|tokens| !tokens.refresh_token.is_empty());
    let Some((access, refresh_token)) =
        tokens.and_then(|tokens| Some((tokens.access_token?, tokens.refresh_token)))
    else {
        bail!("the server began a session and gave no tokens for it");
    };
    let access_expires = access.expire_time.map_or(0, |time| time.seconds);
    Ok(Credentials::Session { refresh_token, access_token: access.token, access_expires })
}

/// Ends the session of credentials, if they are one's.
///
/// # Errors
/// When the server cannot be asked.
pub(super) async fn end(
    credentials: Option<&Credentials>,
    reach: &Reach,
    config: &Config,
) -> anyhow::Result<()> {
    let Some(Credentials::Session { refresh_token, .. }) = credentials else { return Ok(()) };
    let mut auth = AuthServiceClient::new(reach.channel(config).await?);
    let request = EndSessionRequest { refresh_token: refresh_token.clone() };
    auth.end_session(request).await.map(drop).map_err(refused)
}
