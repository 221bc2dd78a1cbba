//! Access tokens: JWTs (RFC 9068) that say who calls, signed with Ed25519.
//!
//! What is accepted is exactly what is made: the header has an algorithm, a type and a key's id and nothing else, the
//! claims are ours and nothing else. What a token could say about its own verification (`jwk`, `jku`, `x5c`, `crit`,
//! another algorithm) is so refused before anything is verified.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode,
    jwk::{AlgorithmParameters, Jwk, PublicKeyUse},
};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tributary_domain::{
    access::PrincipalId,
    id::{SessionId, SigningKeyId},
    time::Timestamp,
};

/// How long an access token lives.
pub const ACCESS_LIFETIME: Duration = Duration::from_secs(10 * 60);
/// How far the clocks of two nodes may be apart.
const SKEW: Duration = Duration::from_secs(5);
/// No token of ours is longer.
const LONGEST: usize = 1_024;
const TYPE: &str = "at+jwt";
const AUDIENCE: &str = "tributary.admin.v1";
/// What stands before the 32 bytes of an Ed25519 private key in PKCS #8 (RFC 8410, section 7).
const PKCS8: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// Why a token is refused. Callers are told no more than that it is, whatever the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the token is refused")]
pub struct TokenRefused;

/// A key could not be made: a defect, because its bytes are our own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signing key cannot be used")]
pub struct KeyError;

/// A key that access tokens are signed and verified with.
#[derive(Clone)]
pub struct SigningKey {
    id: SigningKeyId,
    signs: EncodingKey,
    verifies: DecodingKey,
    public: Jwk,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey").field("id", &self.id).finish_non_exhaustive()
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OurHeader {
    typ: String,
    alg: String,
    kid: SigningKeyId,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    iat: i64,
    exp: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sid: Option<SessionId>,
}

/// Who a token says that calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identified {
    /// Who.
    pub principal: PrincipalId,
    /// In which session, for a member.
    pub session: Option<SessionId>,
}

impl SigningKey {
    /// The key that these 32 secret bytes are.
    ///
    /// # Errors
    /// When the library refuses them.
    pub fn new(id: SigningKeyId, secret: &[u8; 32]) -> Result<Self, KeyError> {
        let signs = EncodingKey::from_ed_der(&[PKCS8.as_slice(), secret].concat());
        let mut public = Jwk::from_encoding_key(&signs, Algorithm::EdDSA).map_err(|_| KeyError)?;
        if !matches!(public.algorithm, AlgorithmParameters::OctetKeyPair(_)) {
            return Err(KeyError);
        }
        public.common.key_id = Some(id.to_string());
        public.common.public_key_use = Some(PublicKeyUse::Signature);
        let verifies = DecodingKey::from_jwk(&public).map_err(|_| KeyError)?;
        Ok(Self { id, signs, verifies, public })
    }

    /// Its id.
    pub fn id(&self) -> SigningKeyId {
        self.id
    }

    /// Its public half (RFC 7517).
    pub fn public(&self) -> &Jwk {
        &self.public
    }

    /// An access token of `issuer` for whoever was identified, and when it expires.
    ///
    /// # Errors
    /// When the library cannot sign.
    pub fn sign(
        &self,
        issuer: &str,
        who: Identified,
        now: Timestamp,
    ) -> Result<(String, Timestamp), KeyError> {
        let issued = now.micros() / 1_000_000;
        let expires = issued + ACCESS_LIFETIME.as_secs().cast_signed();
        let claims = Claims {
            iss: issuer.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: who.principal.to_string(),
            iat: issued,
            exp: expires,
            sid: who.session,
        };
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(TYPE.to_owned());
        header.kid = Some(self.id.to_string());
        let token = encode(&header, &claims, &self.signs).map_err(|_| KeyError)?;
        Ok((token, Timestamp::from_seconds(expires)))
    }

    /// Who `token` says that calls, if it was signed with this key by `issuer`, and is valid at `now`.
    ///
    /// # Errors
    /// When anything about it is not as it should be.
    pub fn verify(&self, issuer: &str, token: &str, now: Timestamp) -> Result<Identified, TokenRefused> {
        if key_of(token) != Ok(self.id) {
            return Err(TokenRefused);
        }
        let mut rules = Validation::new(Algorithm::EdDSA);
        rules.set_issuer(&[issuer]);
        rules.set_audience(&[AUDIENCE]);
        rules.set_required_spec_claims(&["iss", "aud", "sub", "exp"]);
        // Times are compared below: with the clock that was handed in, and more strictly.
        rules.validate_exp = false;
        let claims = decode::<Claims>(token, &self.verifies, &rules).map_err(|_| TokenRefused)?.claims;
        let (issued, expires) = (Timestamp::from_seconds(claims.iat), Timestamp::from_seconds(claims.exp));
        let is_timely = issued <= now.plus(SKEW) && expires > now && expires <= issued.plus(ACCESS_LIFETIME);
        let principal = claims.sub.parse().map_err(|_| TokenRefused)?;
        let has_session = claims.sid.is_some() == matches!(principal, PrincipalId::Member(_));
        if is_timely && has_session {
            Ok(Identified { principal, session: claims.sid })
        } else {
            Err(TokenRefused)
        }
    }
}

/// The id of the key that `token` says it was signed with.
///
/// # Errors
/// When it has not the form of a token of ours.
pub fn key_of(token: &str) -> Result<SigningKeyId, TokenRefused> {
    if token.len() > LONGEST || token.split('.').count() != 3 {
        return Err(TokenRefused);
    }
    let header = token.split('.').next().and_then(|header| URL_SAFE_NO_PAD.decode(header).ok());
    let header = header.and_then(|header| serde_json::from_slice::<OurHeader>(&header).ok());
    let header = header.filter(|header| header.alg == "EdDSA" && header.typ == TYPE);
    header.map(|header| header.kid).ok_or(TokenRefused)
}

#[cfg(test)]
mod tests;
