//! Signing in through an identity provider, which is played here: it signs tokens, shows its keys, and changes them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, jwk::Jwk};
use serde_json::{Value, json};
use tonic::{Code, Status};
use tributary_admin::{IdentityProvider, KeySource};
use tributary_auth::ProviderRules;
use tributary_proto::admin::v1::{
    AgencyRole, GetCallerRequest, RefreshSessionRequest, SignInWithIdTokenRequest, SignInWithIdTokenResponse,
    auth_service_client::AuthServiceClient,
};

use crate::support::{NOW, World, agency_of, reason};

const ISSUER: &str = "https://login.example.com";
const DAY: u64 = 24 * 60 * 60;

/// A provider. `None` as its key: it does not answer.
#[derive(Default)]
struct Provider {
    key: Mutex<Option<u8>>,
    asked: Mutex<u32>,
}

/// The `number`th key that the provider signs with: an Ed25519 key in PKCS #8 (RFC 8410, section 7).
fn key(number: u8) -> EncodingKey {
    let head: &[u8] = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20";
    EncodingKey::from_ed_der(&[head, &[number; 32]].concat())
}

#[tonic::async_trait]
impl KeySource for Provider {
    async fn read(&self) -> Result<Vec<u8>, String> {
        *self.asked.lock().unwrap() += 1;
        let number = self.key.lock().unwrap().ok_or("it does not answer")?;
        let mut public = Jwk::from_encoding_key(&key(number), Algorithm::EdDSA).unwrap();
        public.common.key_id = Some(number.to_string());
        Ok(json!({ "keys": [public] }).to_string().into_bytes())
    }
}

/// A token of the provider that speaks of `subject`, signed with the `number`th key.
fn token(number: u8, subject: &str, change: impl FnOnce(&mut Value)) -> String {
    let now = NOW.seconds();
    let mut claims = json!({
        "iss": ISSUER, "aud": "dashboard", "sub": subject, "email": format!("{subject}@example.com"),
        "email_verified": true, "iat": now, "exp": now + 300, "hd": "example.com",
    });
    change(&mut claims);
    let mut header = Header::new(Algorithm::EdDSA);
    header.kid = Some(number.to_string());
    encode(&header, &claims, &key(number)).unwrap()
}

/// A provider whose first key is in use, and an API that trusts it for the agencies with these keys, each for its domain.
async fn trusting(domains: &[(&str, &str)]) -> (Arc<Provider>, World) {
    let provider = Arc::new(Provider { key: Mutex::new(Some(1)), ..Provider::default() });
    let trusted = domains.iter().map(|(agency, domain)| IdentityProvider {
        rules: ProviderRules {
            issuer: ISSUER.to_owned(),
            audience: "dashboard".to_owned(),
            email_claim: "email".to_owned(),
            verified_claim: Some("email_verified".to_owned()),
            required_claims: BTreeMap::from([("hd".to_owned(), (*domain).to_owned())]),
        },
        agency: (*agency).to_owned(),
        keys: provider.clone(),
    });
    let world = World::trusting(trusted.collect()).await;
    (provider, world)
}

async fn sign_in(world: &World, id_token: String) -> Result<SignInWithIdTokenResponse, Status> {
    world
        .auth()
        .sign_in_with_id_token(SignInWithIdTokenRequest { id_token })
        .await
        .map(tonic::Response::into_inner)
}

fn is_refused<T: std::fmt::Debug>(outcome: Result<T, Status>, code: Code, told: &str) {
    let refused = outcome.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (code, told));
}

#[tokio::test]
async fn whoever_is_invited_signs_in_without_a_password() {
    let (_, world) = trusting(&[("acme", "example.com")]).await;
    let agency = agency_of(&world.tenant("acme").await.name);
    let ann = || token(1, "ann", |_| ());
    is_refused(sign_in(&world, ann()).await, Code::Unauthenticated, "ID_TOKEN_UNKNOWN");
    world.invite(&agency, "ann@example.com", AgencyRole::Admin, Vec::new()).await;
    let signed_in = sign_in(&world, ann()).await.unwrap();
    let tokens = signed_in.tokens.unwrap();
    let access = tokens.access_token.unwrap().token;
    let caller =
        AuthServiceClient::new(world.wire_of(&access)).get_caller(GetCallerRequest {}).await.unwrap();
    let caller = caller.into_inner();
    assert_eq!((caller.principal.as_str(), caller.role()), (signed_in.member.as_str(), AgencyRole::Admin));
    // The provider's token itself is worth nothing.
    let with_it = AuthServiceClient::new(world.wire_of(&ann())).get_caller(GetCallerRequest {}).await;
    is_refused(with_it, Code::Unauthenticated, "TOKEN_INVALID");
    assert_eq!(sign_in(&world, ann()).await.unwrap().member, signed_in.member);
    // After twelve hours the provider is asked again.
    world.pass(DAY / 2 - 1);
    let request = RefreshSessionRequest { refresh_token: tokens.refresh_token };
    let next = world.auth().refresh_session(request).await.unwrap().into_inner().tokens.unwrap();
    world.pass(1);
    let request = RefreshSessionRequest { refresh_token: next.refresh_token };
    is_refused(world.auth().refresh_session(request).await, Code::Unauthenticated, "REFRESH_TOKEN_INVALID");
}

#[tokio::test]
async fn a_provider_speaks_for_its_agency_only() {
    let (_, world) = trusting(&[("acme", "example.com"), ("other", "example.org")]).await;
    let acme = agency_of(&world.tenant("acme").await.name);
    let other = agency_of(&world.tenant("other").await.name);
    world.invite(&other, "ann@example.com", AgencyRole::Owner, Vec::new()).await;
    is_refused(sign_in(&world, token(1, "ann", |_| ())).await, Code::Unauthenticated, "ID_TOKEN_UNKNOWN");
    let of_other = token(1, "ann", |claims| claims["hd"] = json!("example.org"));
    assert!(sign_in(&world, of_other).await.unwrap().member.starts_with(&other));
    assert!(!other.starts_with(&acme));
    let bad = [
        token(1, "ann", |claims| claims["iss"] = json!("https://login.example.org")),
        token(1, "ann", |claims| claims["aud"] = json!("another")),
        token(1, "ann", |claims| claims["hd"] = json!("example.net")),
        token(1, "ann", |claims| claims["email_verified"] = json!(false)),
        "no token".to_owned(),
    ];
    for bad in bad {
        is_refused(sign_in(&world, bad).await, Code::Unauthenticated, "ID_TOKEN_INVALID");
    }
    is_refused(sign_in(&world, String::new()).await, Code::InvalidArgument, "INVALID_FIELD");
}

#[tokio::test]
async fn keys_may_change_and_the_provider_may_be_away() {
    let (provider, world) = trusting(&[("acme", "example.com")]).await;
    let agency = agency_of(&world.tenant("acme").await.name);
    world.invite(&agency, "ann@example.com", AgencyRole::Member, Vec::new()).await;
    let (asked, set) = (|| *provider.asked.lock().unwrap(), |key| *provider.key.lock().unwrap() = key);
    let later =
        |seconds: u64| move |claims: &mut Value| claims["iat"] = json!(NOW.seconds() + seconds.cast_signed());
    let ann = |key, seconds| {
        token(key, "ann", |claims| {
            later(seconds)(claims);
            claims["exp"] = json!(NOW.seconds() + seconds.cast_signed() + 300);
        })
    };
    set(None);
    is_refused(sign_in(&world, ann(1, 0)).await, Code::Unavailable, "IDENTITY_PROVIDER_UNAVAILABLE");
    set(Some(1));
    is_refused(sign_in(&world, ann(1, 0)).await, Code::Unavailable, "IDENTITY_PROVIDER_UNAVAILABLE");
    assert_eq!(asked(), 1, "it is left in peace for a while");
    world.pass(30);
    sign_in(&world, ann(1, 30)).await.unwrap();
    set(Some(2));
    is_refused(sign_in(&world, ann(2, 30)).await, Code::Unauthenticated, "ID_TOKEN_INVALID");
    assert_eq!(asked(), 2);
    world.pass(30);
    sign_in(&world, ann(2, 60)).await.unwrap();
    is_refused(sign_in(&world, ann(1, 60)).await, Code::Unauthenticated, "ID_TOKEN_INVALID");
    assert_eq!(asked(), 3);
    // Keys are used for a day without the provider, and no longer.
    set(None);
    world.pass(DAY - 60);
    sign_in(&world, ann(2, DAY)).await.unwrap();
    world.pass(60);
    is_refused(sign_in(&world, ann(2, DAY + 60)).await, Code::Unavailable, "IDENTITY_PROVIDER_UNAVAILABLE");
}
