//! Tokens: how callers get them, and give them back.

use std::{sync::Arc, time::Duration};

use tonic::{Request, Response, Status};
use tributary_auth::{Caller, Identified, LONGEST_PASSWORD, SecretKind};
use tributary_domain::{
    access::PrincipalId,
    error::ErrorCode,
    id::{AgencyId, MemberId, SessionId},
    time::Timestamp,
};
use tributary_proto::admin::v1::{
    self as proto, AcceptInvitationRequest, AcceptInvitationResponse, AccessToken, ChangePasswordRequest,
    ChangePasswordResponse, EndSessionRequest, EndSessionResponse, ExchangeApiKeyRequest,
    ExchangeApiKeyResponse, GetCallerRequest, GetJwksRequest, GetJwksResponse, RefreshSessionRequest,
    RefreshSessionResponse, RotateSigningKeyRequest, RotateSigningKeyResponse, SessionTokens, SignInRequest,
    SignInResponse, SignInWithIdTokenRequest, SignInWithIdTokenResponse, auth_service_server::AuthService,
};
use tributary_store::{
    StoreError,
    access::{NewPassword, NewSession, Refreshed, TokenHash, Vouched},
    audit::Author,
};

use crate::{
    AdminContext,
    access::{Attempt, KeyRing, Passwords, Providers, Vouch, credentials_wrong, from_ring},
    address::address_of,
    check::MAX_EMAIL,
    convert::{grant, value::to_time},
    error::{from_store, status},
    name,
    violations::Violations,
};

/// How long a session lasts that nobody uses.
const SESSION_LIFETIME: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// How long a session lasts for which a provider vouches, however much it is used: whom the provider does not know any more
/// is out by then.
const VOUCHED_LIFETIME: Duration = Duration::from_secs(12 * 60 * 60);
/// The most agencies in which a password is tried, when none was named.
const MOST_AGENCIES: usize = 5;
/// The longest display name, as everywhere.
const MAX_DISPLAY_NAME: usize = 200;

/// Answers calls about tokens.
#[derive(Debug)]
pub(crate) struct Tokens {
    /// What all services share.
    pub(crate) context: AdminContext,
    /// The keys that access tokens are signed with.
    pub(crate) keys: Arc<KeyRing>,
    /// Checks passwords.
    pub(crate) passwords: Passwords,
    /// Who else is trusted to say who somebody is.
    pub(crate) providers: Providers,
}

#[tonic::async_trait]
impl AuthService for Tokens {
    async fn exchange_api_key(
        &self,
        request: Request<ExchangeApiKeyRequest>,
    ) -> Result<Response<ExchangeApiKeyResponse>, Status> {
        let secret = given("secret", request.into_inner().secret)?;
        let found = match SecretKind::ApiKey.fits(&secret) {
            true => {
                let now = self.context.clock.now();
                self.context
                    .store
                    .api_key_by_secret(&TokenHash::of(&secret), now)
                    .await
                    .map_err(from_store)?
            }
            false => None,
        };
        let key = found.ok_or_else(|| {
            let message = "the API key is not valid, or not any more: ask an admin of the agency for another";
            status(ErrorCode::Unauthenticated, "API_KEY_INVALID", message)
        })?;
        let who = Identified { principal: PrincipalId::ApiKey(key), session: None };
        Ok(Response::new(ExchangeApiKeyResponse { access_token: Some(self.access_token(who).await?) }))
    }

    async fn sign_in(&self, request: Request<SignInRequest>) -> Result<Response<SignInResponse>, Status> {
        let attempt = self.attempt(&request, &request.get_ref().email);
        let SignInRequest { email, password, agency } = request.into_inner();
        let mut violations = Violations::default();
        violations.filled("email", &email);
        violations.text("email", &email, MAX_EMAIL);
        violations.filled("password", &password);
        violations.text("password", &password, LONGEST_PASSWORD);
        violations.check()?;
        let agency: Option<AgencyId> = Some(agency)
            .filter(|name| !name.is_empty())
            .map(|name| name::agency_id("agency", &name))
            .transpose()?;
        let mut known = self.context.store.credentials(&attempt.email, agency).await.map_err(from_store)?;
        known.truncate(MOST_AGENCIES);
        let hashes = known.iter().map(|credentials| credentials.password_hash.clone()).collect();
        let index = self.passwords.check(&attempt, password, hashes).await?;
        let found = &known[index];
        let (refresh, session) = self.new_session(attempt.at, None);
        let sessions = self.context.store.sessions();
        let author = Author { address: attempt.address, ..Author::new(found.member.to_string(), attempt.at) };
        let begun = sessions.begin(&session, found.member, &found.password_hash, &author).await;
        begun.map_err(|error| match error {
            // Somebody set another password while this one was checked.
            StoreError::NotFound { .. } => credentials_wrong(),
            error => from_store(error),
        })?;
        let tokens = self.session_tokens(found.member, session.id, refresh, session.expires_at).await?;
        Ok(Response::new(SignInResponse {
            tokens: Some(tokens),
            member: name::principal(found.agency, PrincipalId::Member(found.member)),
        }))
    }

    async fn sign_in_with_id_token(
        &self,
        request: Request<SignInWithIdTokenRequest>,
    ) -> Result<Response<SignInWithIdTokenResponse>, Status> {
        let address = address_of(&request);
        let token = given("id_token", request.into_inner().id_token)?;
        let now = self.context.clock.now();
        let Vouch { issuer, agency, identity } = self.providers.identify(&token, now).await?;
        let (refresh, session) = self.new_session(now, Some(now.plus(VOUCHED_LIFETIME)));
        let (id, expires) = (session.id, session.expires_at);
        let who = Vouched {
            issuer,
            subject: identity.subject,
            email: identity.email,
            member: MemberId::new(now.millis(), (self.context.random)()),
            session,
        };
        let unknown = |error| match error {
            StoreError::NotFound { .. } => {
                let message = "the identity provider vouches for somebody whom the agency does not know: have an admin \
                               invite them";
                status(ErrorCode::Unauthenticated, "ID_TOKEN_UNKNOWN", message)
            }
            error => from_store(error),
        };
        let agency = self.context.store.agencies().get_by_key(&agency).await.map_err(unknown)?.id;
        let author = Author { address, ..Author::new(who.issuer.clone(), now) };
        let member =
            self.context.store.agency(agency).sign_in_vouched(&who, &author).await.map_err(unknown)?;
        Ok(Response::new(SignInWithIdTokenResponse {
            tokens: Some(self.session_tokens(member, id, refresh, expires).await?),
            member: name::principal(agency, PrincipalId::Member(member)),
        }))
    }

    async fn refresh_session(
        &self,
        request: Request<RefreshSessionRequest>,
    ) -> Result<Response<RefreshSessionResponse>, Status> {
        let address = address_of(&request);
        let presented = given("refresh_token", request.into_inner().refresh_token)?;
        let now = self.context.clock.now();
        let author = Author { address, ..Author::new("refresh_token", now) };
        let (next, expires) = self.refresh_token(now);
        let (hash, next_hash) = (TokenHash::of(&presented), TokenHash::of(&next));
        self.check_known(&presented, &hash).await?;
        let outcome = self.context.store.sessions().refresh(&hash, &next_hash, &author, expires).await;
        match outcome.map_err(from_store)? {
            Refreshed::Yes { session, member, expires_at } => {
                let tokens = self.session_tokens(member, session, next, expires_at).await?;
                Ok(Response::new(RefreshSessionResponse { tokens: Some(tokens) }))
            }
            Refreshed::Reused { session } => {
                tracing::warn!(%session, "a refresh token came a second time: its session was ended");
                Err(refresh_refused())
            }
            Refreshed::Unknown => Err(refresh_refused()),
        }
    }

    async fn end_session(
        &self,
        request: Request<EndSessionRequest>,
    ) -> Result<Response<EndSessionResponse>, Status> {
        let presented = given("refresh_token", request.into_inner().refresh_token)?;
        let hash = TokenHash::of(&presented);
        if self.check_known(&presented, &hash).await.is_ok() {
            self.context.store.sessions().end_by_token(&hash).await.map_err(from_store)?;
        }
        Ok(Response::new(EndSessionResponse {}))
    }

    async fn accept_invitation(
        &self,
        request: Request<AcceptInvitationRequest>,
    ) -> Result<Response<AcceptInvitationResponse>, Status> {
        let address = address_of(&request);
        let AcceptInvitationRequest { token, password, display_name } = request.into_inner();
        let mut violations = Violations::default();
        violations.filled("token", &token);
        violations.password("password", &password);
        violations.text("display_name", &display_name, MAX_DISPLAY_NAME);
        violations.check()?;
        let now = self.context.clock.now();
        let hash = TokenHash::of(&token);
        let found = self.context.store.invitation_by_token(&hash, now).await.map_err(from_store)?;
        let invitation = found.ok_or_else(|| {
            let message = "the invitation is not open any more: ask for another one";
            status(ErrorCode::NotFound, "INVITATION_NOT_FOUND", message)
        })?;
        let with = NewPassword {
            member: MemberId::new(now.millis(), (self.context.random)()),
            display_name: Some(display_name).filter(|name| !name.trim().is_empty()),
            password_hash: self.passwords.hash(password, (self.context.random)()).await?,
        };
        let author = Author { address, ..Author::new(invitation.id.to_string(), now) };
        let scope = self.context.store.agency(invitation.agency);
        let accepted = scope.accept_invitation(invitation.id, &hash, &with, &author).await;
        let member = accepted.map_err(from_store)?;
        let member = name::principal(invitation.agency, PrincipalId::Member(member));
        Ok(Response::new(AcceptInvitationResponse { member }))
    }

    async fn change_password(
        &self,
        request: Request<ChangePasswordRequest>,
    ) -> Result<Response<ChangePasswordResponse>, Status> {
        let call = self.context.call(&request).await?;
        let mut violations = Violations::default();
        violations.filled("old_password", &request.get_ref().old_password);
        violations.text("old_password", &request.get_ref().old_password, LONGEST_PASSWORD);
        violations.password("new_password", &request.get_ref().new_password);
        violations.check()?;
        let Caller::Principal { principal: PrincipalId::Member(member), session, standing } = &call.caller
        else {
            let message = "only a member has a password: this call came with another kind of token";
            return Err(status(ErrorCode::FailedPrecondition, "NO_PASSWORD", message));
        };
        let scope = self.context.store.agency(standing.agency);
        let record = scope.member(*member).await.map_err(from_store)?;
        let attempt = self.attempt(&request, &record.email);
        let ChangePasswordRequest { old_password, new_password } = request.into_inner();
        let known = self.context.store.credentials(&record.email, Some(standing.agency)).await;
        let hashes: Vec<_> =
            known.map_err(from_store)?.into_iter().map(|found| found.password_hash).collect();
        let index = self.passwords.check(&attempt, old_password, hashes.clone()).await?;
        let hash = self.passwords.hash(new_password, (self.context.random)()).await?;
        let set = scope.set_password(*member, &hashes[index], &hash, *session, &call.author).await;
        set.map_err(from_store)?;
        Ok(Response::new(ChangePasswordResponse {}))
    }

    async fn get_caller(
        &self,
        request: Request<GetCallerRequest>,
    ) -> Result<Response<proto::Caller>, Status> {
        let call = self.context.call(&request).await?;
        Ok(Response::new(match &call.caller {
            Caller::Operator => proto::Caller::default(),
            Caller::Principal { principal, standing, .. } => {
                grant::caller(name::principal(standing.agency, *principal), standing)
            }
        }))
    }

    async fn get_jwks(&self, _: Request<GetJwksRequest>) -> Result<Response<GetJwksResponse>, Status> {
        let jwks = self.keys.jwks().await.map_err(from_ring)?.to_string();
        Ok(Response::new(GetJwksResponse { jwks }))
    }

    async fn rotate_signing_key(
        &self,
        request: Request<RotateSigningKeyRequest>,
    ) -> Result<Response<RotateSigningKeyResponse>, Status> {
        let call = self.context.call(&request).await?;
        let signs_from = self.keys.rotate(&call.author).await.map_err(from_ring)?;
        Ok(Response::new(RotateSigningKeyResponse { sign_time: Some(to_time(signs_from)) }))
    }
}

impl Tokens {
    fn attempt<T>(&self, request: &Request<T>, email: &str) -> Attempt {
        Attempt {
            email: email.trim().to_lowercase(),
            address: address_of(request),
            at: self.context.clock.now(),
        }
    }

    /// Whether there is such a refresh token. Strangers send anything, and are not to take the turn of those who write.
    async fn check_known(&self, token: &str, hash: &TokenHash) -> Result<(), Status> {
        let is_known = SecretKind::Refresh.fits(token)
            && self.context.store.knows_refresh_token(hash).await.map_err(from_store)?;
        if is_known { Ok(()) } else { Err(refresh_refused()) }
    }

    /// A new refresh token, and when it expires if nobody uses it.
    fn refresh_token(&self, now: Timestamp) -> (String, Timestamp) {
        (SecretKind::Refresh.generate(|| (self.context.random)()), now.plus(SESSION_LIFETIME))
    }

    /// A session that begins now, and its first refresh token.
    fn new_session(&self, now: Timestamp, ends_at: Option<Timestamp>) -> (String, NewSession) {
        let (refresh, expires) = self.refresh_token(now);
        let session = NewSession {
            id: SessionId::new(now.millis(), (self.context.random)()),
            token: TokenHash::of(&refresh),
            expires_at: ends_at.map_or(expires, |ends_at| ends_at.min(expires)),
            ends_at,
        };
        (refresh, session)
    }

    async fn session_tokens(
        &self,
        member: MemberId,
        session: SessionId,
        refresh_token: String,
        refresh_expires: Timestamp,
    ) -> Result<SessionTokens, Status> {
        let who = Identified { principal: PrincipalId::Member(member), session: Some(session) };
        Ok(SessionTokens {
            access_token: Some(self.access_token(who).await?),
            refresh_token,
            refresh_expire_time: Some(to_time(refresh_expires)),
        })
    }

    async fn access_token(&self, who: Identified) -> Result<AccessToken, Status> {
        let (token, expires) = self.keys.sign(who).await.map_err(from_ring)?;
        Ok(AccessToken { token, expire_time: Some(to_time(expires)) })
    }
}

/// A text that has to be there.
fn given(path: &str, text: String) -> Result<String, Status> {
    let mut violations = Violations::default();
    violations.filled(path, &text);
    violations.check().map(|()| text)
}

fn refresh_refused() -> Status {
    let message = "the refresh token is not valid, or not any more: sign in again";
    status(ErrorCode::Unauthenticated, "REFRESH_TOKEN_INVALID", message)
}
