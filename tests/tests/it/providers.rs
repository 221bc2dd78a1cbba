//! Signing in through identity providers whose keys are at a URL and in a file.

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, jwk::Jwk};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tonic::Code;
use tributary_proto::admin::v1::{AgencyRole, CreateInvitationRequest, Invitation, SignInWithIdTokenRequest};
use tributary_tests::{Server, ServerBuilder, databases, now_seconds};

/// A key that a provider signs with: Ed25519 in PKCS #8 (RFC 8410, section 7).
fn key(number: u8) -> EncodingKey {
    let head: &[u8] = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20";
    EncodingKey::from_ed_der(&[head, &[number; 32]].concat())
}

/// The public half, as the provider shows it.
fn shown(number: u8) -> String {
    let mut public = Jwk::from_encoding_key(&key(number), Algorithm::EdDSA).expect("a public key");
    public.common.key_id = Some("one".to_owned());
    json!({ "keys": [public] }).to_string()
}

fn token(issuer: &str, number: u8, audience: &str) -> String {
    let now = now_seconds();
    let claims = json!({
        "iss": issuer, "aud": audience, "sub": "1", "email": "Ann@Example.com", "email_verified": true,
        "iat": now, "exp": now + 300,
    });
    let mut header = Header::new(Algorithm::EdDSA);
    header.kid = Some("one".to_owned());
    encode(&header, &claims, &key(number)).expect("signs")
}

/// Shows the first key to whoever asks, for as long as the test runs. The outcome is the URL.
async fn show() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut head = [0; 4_096];
            let _ = socket.read(&mut head).await;
            let body = shown(1);
            let length = body.len();
            let answer =
                format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
            let _ = socket.write_all(answer.as_bytes()).await;
        }
    });
    format!("http://{address}/keys")
}

async fn sign_in(server: &Server, id_token: String) -> Result<String, tonic::Status> {
    let mut auth = server.api().auth();
    let request = SignInWithIdTokenRequest { id_token };
    auth.sign_in_with_id_token(request).await.map(|signed_in| signed_in.into_inner().member)
}

#[tokio::test]
async fn members_sign_in_through_the_providers_of_the_configuration() {
    for database in databases() {
        println!("on {}", database.kind());
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("keys.json");
        std::fs::write(&file, shown(2)).expect("writes");
        let providers = format!(
            "[{{issuer=\"https://one.example\", audience=\"dashboard\", agency=\"acme\", jwks=\"{}\"}}, \
              {{issuer=\"https://two.example\", audience=\"dashboard\", agency=\"acme\", jwks=\"{}\"}}]",
            show().await,
            file.display()
        );
        let builder = ServerBuilder::on(database).set("TRIBUTARY_ADMIN__IDENTITY_PROVIDERS", &providers);
        let server = builder.start().await;
        let tenant = server.tenant("acme").await;
        let agency = tenant.name.split("/tenants/").next().expect("an agency").to_owned();
        let invitation = Invitation {
            email: "ann@example.com".to_owned(),
            role: AgencyRole::Admin.into(),
            ..Invitation::default()
        };
        let request = CreateInvitationRequest {
            parent: agency.clone(),
            invitation: Some(invitation),
            request_id: String::new(),
        };
        let mut members = server.api().members();
        members.create_invitation(request).await.expect("invites");
        let ann = sign_in(&server, token("https://one.example", 1, "dashboard")).await.expect("signs in");
        assert!(ann.starts_with(&agency), "{ann}");
        assert_eq!(
            sign_in(&server, token("https://two.example", 2, "dashboard")).await.expect("signs in"),
            ann
        );
        let bad = [
            token("https://one.example", 2, "dashboard"),
            token("https://two.example", 2, "another"),
            token("https://three.example", 1, "dashboard"),
        ];
        for bad in bad {
            let refused = sign_in(&server, bad.clone()).await.expect_err("nobody");
            assert_eq!(refused.code(), Code::Unauthenticated);
            assert!(!server.log().contains(&bad), "a token is a secret");
        }
        assert!(!server.log().to_lowercase().contains("ann@example.com"), "an address is personal");
    }
}
