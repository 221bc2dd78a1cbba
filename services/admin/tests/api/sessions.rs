//! How callers get their tokens, and how soon they are of no use.

use tonic::{Code, Status};
use tributary_proto::admin::v1::{
    AcceptInvitationRequest, AgencyRole, ChangePasswordRequest, DeleteApiKeyRequest, DeleteMemberRequest,
    EndSessionRequest, ExchangeApiKeyRequest, GetCallerRequest, GetJwksRequest, ListTenantsRequest, Member,
    RefreshSessionRequest, ResetMemberPasswordRequest, RotateSigningKeyRequest, SignInRequest, TailRequest,
    TenantRole, UpdateMemberRequest, auth_service_client::AuthServiceClient,
    log_service_client::LogServiceClient, tenant_service_client::TenantServiceClient,
};

use crate::support::{PASSWORD, World, agency_of, grant, mask, reason};

/// How long an access token lives, in seconds.
const LIFETIME: u64 = 600;

/// What a caller with this token is told about itself.
async fn who(world: &World, token: &str) -> Result<String, Status> {
    let mut client = AuthServiceClient::new(world.wire_of(token));
    client.get_caller(GetCallerRequest {}).await.map(|caller| caller.into_inner().principal)
}

/// The keys of the tenants that a caller with this token sees.
async fn tenants(world: &World, token: &str) -> Vec<String> {
    let request = ListTenantsRequest { parent: "agencies/-".to_owned(), ..ListTenantsRequest::default() };
    let mut client = TenantServiceClient::new(world.wire_of(token));
    let found = client.list_tenants(request).await.unwrap().into_inner().tenants;
    found.into_iter().map(|tenant| tenant.key).collect()
}

async fn refresh(world: &World, token: &str) -> Result<(String, String), Status> {
    let request = RefreshSessionRequest { refresh_token: token.to_owned() };
    let tokens = world.auth().refresh_session(request).await?.into_inner().tokens.unwrap();
    Ok((tokens.access_token.unwrap().token, tokens.refresh_token))
}

fn is_refused<T: std::fmt::Debug>(result: Result<T, Status>, told: &str) {
    let refused = result.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::Unauthenticated, told));
}

#[tokio::test]
async fn an_access_token_lives_ten_minutes_and_the_session_goes_on() {
    let world = World::start().await;
    let agency = agency_of(&world.tenant("acme").await.name);
    let owner = world.join(&agency, "o@example.com", AgencyRole::Owner, Vec::new()).await;
    assert_eq!(who(&world, owner.token()).await.unwrap(), owner.name);
    world.pass(LIFETIME - 1);
    assert_eq!(who(&world, owner.token()).await.unwrap(), owner.name);
    world.pass(1);
    is_refused(who(&world, owner.token()).await, "TOKEN_INVALID");
    let (access, next) = refresh(&world, &owner.tokens.refresh_token).await.unwrap();
    assert_eq!(who(&world, &access).await.unwrap(), owner.name);
    world.pass(29 * 24 * 60 * 60);
    let (access, next) = refresh(&world, &next).await.unwrap();
    assert_eq!(who(&world, &access).await.unwrap(), owner.name);
    world.pass(31 * 24 * 60 * 60);
    is_refused(refresh(&world, &next).await, "REFRESH_TOKEN_INVALID");
}

#[tokio::test]
async fn a_refresh_token_that_comes_twice_ends_its_session() {
    let world = World::start().await;
    let agency = agency_of(&world.tenant("acme").await.name);
    let owner = world.join(&agency, "o@example.com", AgencyRole::Owner, Vec::new()).await;
    let elsewhere = world.sign_in("o@example.com", "").await.unwrap();
    let (access, next) = refresh(&world, &owner.tokens.refresh_token).await.unwrap();
    is_refused(refresh(&world, &owner.tokens.refresh_token).await, "REFRESH_TOKEN_INVALID");
    is_refused(refresh(&world, &next).await, "REFRESH_TOKEN_INVALID");
    is_refused(who(&world, &access).await, "TOKEN_INVALID");
    let other = elsewhere.access_token.unwrap().token;
    assert_eq!(who(&world, &other).await.unwrap(), owner.name, "other sessions go on");
    let request = EndSessionRequest { refresh_token: elsewhere.refresh_token };
    world.auth().end_session(request).await.unwrap();
    is_refused(who(&world, &other).await, "TOKEN_INVALID");
}

#[tokio::test]
async fn what_is_taken_away_is_gone_with_the_next_call() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let agency = agency_of(&tenant.name);
    let grants = vec![grant(&tenant.name, TenantRole::Viewer)];
    let member = world.join(&agency, "m@example.com", AgencyRole::Member, grants).await;
    assert_eq!(tenants(&world, member.token()).await, ["acme"]);
    let request = TailRequest { parent: tenant.name.clone(), ..TailRequest::default() };
    let mut tail =
        LogServiceClient::new(world.wire_of(member.token())).tail(request).await.unwrap().into_inner();
    let changed = Member { name: member.name.clone(), etag: "\"1\"".to_owned(), ..Member::default() };
    let request = UpdateMemberRequest { member: Some(changed), update_mask: mask(&["grants"]) };
    let etag = world.members().update_member(request).await.unwrap().into_inner().etag;
    assert!(tenants(&world, member.token()).await.is_empty());
    // A stream that was begun before ends too.
    assert_eq!(tail.message().await.unwrap_err().code(), Code::NotFound);
    let request = DeleteMemberRequest { name: member.name.clone(), etag };
    world.members().delete_member(request).await.unwrap();
    is_refused(who(&world, member.token()).await, "TOKEN_INVALID");
    is_refused(refresh(&world, &member.tokens.refresh_token).await, "REFRESH_TOKEN_INVALID");
    is_refused(world.sign_in("m@example.com", "").await, "CREDENTIALS_WRONG");
}

#[tokio::test]
async fn an_api_key_is_worth_a_token_until_it_is_taken_away() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    world.tenant("other").await;
    let agency = agency_of(&tenant.name);
    let (key, secret, token) = world.api_key(&agency, AgencyRole::Admin, Vec::new()).await;
    assert_eq!(who(&world, &token).await.unwrap(), key.name);
    assert!(secret.starts_with(&key.prefix));
    assert_eq!(tenants(&world, &token).await, ["acme"]);
    is_refused(who(&world, &secret).await, "TOKEN_INVALID");
    let request = DeleteApiKeyRequest { name: key.name.clone(), etag: key.etag.clone() };
    world.api_keys().delete_api_key(request).await.unwrap();
    is_refused(who(&world, &token).await, "TOKEN_INVALID");
    let refused = world.auth().exchange_api_key(ExchangeApiKeyRequest { secret }).await;
    is_refused(refused, "API_KEY_INVALID");
}

#[tokio::test]
async fn whoever_guesses_passwords_waits() {
    let world = World::start().await;
    let agency = agency_of(&world.tenant("acme").await.name);
    world.join(&agency, "o@example.com", AgencyRole::Owner, Vec::new()).await;
    let guess = |email: &str| {
        let request = SignInRequest {
            email: email.to_owned(),
            password: "a guess that is wrong".to_owned(),
            agency: String::new(),
        };
        let mut auth = world.auth();
        async move { auth.sign_in(request).await.unwrap_err() }
    };
    for email in ["o@example.com", "nobody@example.com"] {
        for _ in 0..6 {
            assert_eq!(reason(&guess(email).await), "CREDENTIALS_WRONG");
        }
        let throttled = guess(email).await;
        assert_eq!(
            (throttled.code(), reason(&throttled).as_str()),
            (Code::ResourceExhausted, "SIGN_IN_THROTTLED")
        );
    }
    let refused = world.sign_in("O@example.com ", "").await.unwrap_err();
    assert_eq!(reason(&refused), "SIGN_IN_THROTTLED", "the right one has to wait too");
    world.pass(1);
    world.sign_in("O@example.com ", "").await.unwrap();
}

#[tokio::test]
async fn a_password_is_changed_by_its_owner_and_set_anew_with_an_admins_help() {
    let world = World::start().await;
    let agency = agency_of(&world.tenant("acme").await.name);
    let owner = world.join(&agency, "o@example.com", AgencyRole::Owner, Vec::new()).await;
    let elsewhere = world.sign_in("o@example.com", &agency).await.unwrap().access_token.unwrap().token;
    let mut own = AuthServiceClient::new(world.wire_of(owner.token()));
    let change = |old: &str, new: &str| ChangePasswordRequest {
        old_password: old.to_owned(),
        new_password: new.to_owned(),
    };
    let short = own.change_password(change(PASSWORD, "short")).await.unwrap_err();
    assert_eq!(short.code(), Code::InvalidArgument);
    is_refused(
        own.change_password(change("not the old one", "a longer password")).await,
        "CREDENTIALS_WRONG",
    );
    own.change_password(change(PASSWORD, "a longer password")).await.unwrap();
    assert_eq!(who(&world, owner.token()).await.unwrap(), owner.name, "this session goes on");
    is_refused(who(&world, &elsewhere).await, "TOKEN_INVALID");
    is_refused(world.sign_in("o@example.com", &agency).await, "CREDENTIALS_WRONG");
    let request = ResetMemberPasswordRequest { name: owner.name.clone() };
    let token = world.members().reset_member_password(request).await.unwrap().into_inner().token;
    let accept =
        AcceptInvitationRequest { token, password: PASSWORD.to_owned(), display_name: String::new() };
    assert_eq!(world.auth().accept_invitation(accept.clone()).await.unwrap().into_inner().member, owner.name);
    is_refused(who(&world, owner.token()).await, "TOKEN_INVALID");
    world.sign_in("o@example.com", &agency).await.unwrap();
    let again = world.auth().accept_invitation(accept).await.unwrap_err();
    assert_eq!(reason(&again), "INVITATION_NOT_FOUND");
}

#[tokio::test]
async fn tokens_of_the_key_before_are_valid_until_they_expire() {
    let world = World::start().await;
    let agency = agency_of(&world.tenant("acme").await.name);
    let owner = world.join(&agency, "o@example.com", AgencyRole::Owner, Vec::new()).await;
    let keys = || async {
        let jwks = world.auth().get_jwks(GetJwksRequest {}).await.unwrap().into_inner().jwks;
        let jwks: serde_json::Value = serde_json::from_str(&jwks).unwrap();
        let keys = jwks["keys"].as_array().unwrap().clone();
        for key in &keys {
            assert_eq!((&key["kty"], &key["crv"]), (&"OKP".into(), &"Ed25519".into()));
            assert!(key.get("d").is_none(), "nothing secret");
        }
        keys
    };
    assert_eq!(keys().await.len(), 1);
    world.auth().rotate_signing_key(RotateSigningKeyRequest {}).await.unwrap();
    assert_eq!(keys().await.len(), 2, "shown before it signs");
    world.pass(61);
    let (access, _) = refresh(&world, &owner.tokens.refresh_token).await.unwrap();
    assert_eq!(who(&world, owner.token()).await.unwrap(), owner.name);
    assert_eq!(who(&world, &access).await.unwrap(), owner.name);
    world.pass(LIFETIME + 60);
    assert_eq!(keys().await.len(), 1);
}
