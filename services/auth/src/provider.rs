//! External identity providers: whom an ID token (OpenID Connect Core 1.0, section 2) of a provider that is trusted by
//! configuration speaks of. What they may do is not the provider's to say.

use std::{collections::BTreeMap, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{
    Algorithm, DecodingKey, Validation, decode,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse},
};
use serde::Deserialize;
use serde_json::{Map, Value};
use tributary_domain::time::Timestamp;

/// How far the clocks of the provider and of this house may be apart.
const SKEW: Duration = Duration::from_secs(60);
/// How long after it was issued a token may be brought here: it is for signing in, not for keeping.
const FRESH: Duration = Duration::from_secs(60 * 60);
/// No token of a provider is longer.
const LONGEST: usize = 16 * 1_024;
/// The longest subject (OpenID Connect Core 1.0, section 2).
const LONGEST_SUBJECT: usize = 255;
/// The longest e-mail address.
const LONGEST_EMAIL: usize = 254;
/// The most keys of a provider that are kept.
const MOST_KEYS: usize = 100;

/// Why a token of a provider is refused. Callers are told no more than that it is; the log says which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdentityRefused {
    /// It is no signed JWT as providers make them, or its header holds what no provider needs.
    #[error("it has not the form of an ID token")]
    Form,
    /// The provider has no key with the token's key id.
    #[error("its key is not among the provider's")]
    UnknownKey,
    /// The key is not for the algorithm, or the signature is not the key's.
    #[error("its signature does not fit")]
    Signature,
    /// It is for another audience.
    #[error("it is for another audience")]
    Audience,
    /// It has expired, was issued too long ago, or is not valid yet.
    #[error("it is not of now")]
    Time,
    /// A claim that is required is not there, or is another.
    #[error("a required claim is missing or another")]
    Claims,
    /// It names no subject, or no e-mail address.
    #[error("it does not say whose it is")]
    Nobody,
    /// The provider does not vouch for the e-mail address.
    #[error("its e-mail address is not verified")]
    Unverified,
}

/// Which tokens of a provider are trusted, and where they say who somebody is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderRules {
    /// Who issues them: their `iss`, to the letter.
    pub issuer: String,
    /// Whom they are for: one of their `aud`.
    pub audience: String,
    /// The claim that has the e-mail address.
    pub email_claim: String,
    /// The claim that has to be `true` for the address to count; none: the provider vouches for every address.
    pub verified_claim: Option<String>,
    /// Claims that have to have these values, such as `hd` of Google for one domain.
    pub required_claims: BTreeMap<String, String>,
}

/// Somebody whom a provider knows.
#[derive(Clone, PartialEq, Eq)]
pub struct ExternalIdentity {
    /// The provider's unchanging id of them: unique for the issuer.
    pub subject: String,
    /// Their e-mail address, in lower case.
    pub email: String,
}

impl std::fmt::Debug for ExternalIdentity {
    /// Without who it is.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ExternalIdentity")
    }
}

/// The public keys of a provider.
#[derive(Clone, Default)]
pub struct ProviderKeys(Vec<Key>);

#[derive(Clone)]
struct Key {
    id: String,
    algorithm: Algorithm,
    verifies: DecodingKey,
}

impl std::fmt::Debug for ProviderKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|key| (&key.id, key.algorithm))).finish()
    }
}

/// What was read is no JSON Web Key Set with a key that ID tokens can be verified with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no JSON Web Key Set (RFC 7517) with a key id and a public key for EdDSA, ES256 or RS256")]
pub struct NoKeys;

impl ProviderKeys {
    /// Reads a JSON Web Key Set. Keys that are of no use here are passed over: providers have some for other purposes.
    ///
    /// # Errors
    /// When no key is left.
    pub fn parse(jwks: &[u8]) -> Result<Self, NoKeys> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<Value>,
        }
        let set: Set = serde_json::from_slice(jwks).map_err(|_| NoKeys)?;
        let keys: Vec<_> = set.keys.into_iter().filter_map(usable).take(MOST_KEYS).collect();
        if keys.is_empty() { Err(NoKeys) } else { Ok(Self(keys)) }
    }
}

/// A key that verifies with one algorithm, and no other.
fn usable(key: Value) -> Option<Key> {
    let jwk: Jwk = serde_json::from_value(key).ok()?;
    let algorithm = match &jwk.algorithm {
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => Algorithm::EdDSA,
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => Algorithm::ES256,
        AlgorithmParameters::RSA(_) => Algorithm::RS256,
        _ => return None,
    };
    let named = match algorithm {
        Algorithm::EdDSA => KeyAlgorithm::EdDSA,
        Algorithm::ES256 => KeyAlgorithm::ES256,
        _ => KeyAlgorithm::RS256,
    };
    let is_for_it = jwk.common.key_algorithm.is_none_or(|algorithm| algorithm == named);
    let is_for_signatures =
        jwk.common.public_key_use.as_ref().is_none_or(|usage| *usage == PublicKeyUse::Signature);
    if !is_for_it || !is_for_signatures {
        return None;
    }
    let verifies = DecodingKey::from_jwk(&jwk).ok()?;
    Some(Key { id: jwk.common.key_id?, algorithm, verifies })
}

/// What providers write into the header of their tokens. A key that came with the token, or an extension that would have
/// to be understood, is refused before anything is verified.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenHeader {
    alg: String,
    kid: String,
    #[serde(default)]
    #[serde(rename = "typ")]
    _type: Option<String>,
    #[serde(default)]
    #[serde(rename = "x5t")]
    _thumbprint: Option<String>,
    #[serde(default)]
    #[serde(rename = "x5t#S256")]
    _long_thumbprint: Option<String>,
}

fn part(token: &str, index: usize) -> Result<Vec<u8>, IdentityRefused> {
    if token.len() > LONGEST || token.split('.').count() != 3 {
        return Err(IdentityRefused::Form);
    }
    let part = token.split('.').nth(index).ok_or(IdentityRefused::Form)?;
    URL_SAFE_NO_PAD.decode(part).map_err(|_| IdentityRefused::Form)
}

/// Who a token says has issued it; nothing of it is verified yet.
///
/// # Errors
/// When it has not the form of a token.
pub fn issuer_of(token: &str) -> Result<String, IdentityRefused> {
    #[derive(Deserialize)]
    struct Issued {
        iss: String,
    }
    let issued: Issued = serde_json::from_slice(&part(token, 1)?).map_err(|_| IdentityRefused::Form)?;
    Ok(issued.iss)
}

impl ProviderRules {
    /// Whom a token speaks of, if it was signed with one of `keys` and all rules hold at `now`.
    ///
    /// # Errors
    /// The first rule that does not hold.
    pub fn verify(
        &self,
        keys: &ProviderKeys,
        token: &str,
        now: Timestamp,
    ) -> Result<ExternalIdentity, IdentityRefused> {
        let header: TokenHeader =
            serde_json::from_slice(&part(token, 0)?).map_err(|_| IdentityRefused::Form)?;
        let key = keys.0.iter().find(|key| key.id == header.kid).ok_or(IdentityRefused::UnknownKey)?;
        if header.alg.parse() != Ok(key.algorithm) {
            return Err(IdentityRefused::Signature);
        }
        let mut rules = Validation::new(key.algorithm);
        // All claims are looked at below: with the clock that was handed in, and so that it can be said which is wrong.
        rules.required_spec_claims.clear();
        rules.validate_exp = false;
        rules.validate_aud = false;
        let claims = decode::<Map<String, Value>>(token, &key.verifies, &rules);
        let claims = claims.map_err(|_| IdentityRefused::Signature)?.claims;
        let text = |claim: &str| claims.get(claim).and_then(Value::as_str);
        if text("iss") != Some(self.issuer.as_str()) {
            return Err(IdentityRefused::Claims);
        }
        let is_for_us = match claims.get("aud") {
            Some(Value::String(audience)) => *audience == self.audience,
            Some(Value::Array(several)) => several.iter().any(|one| *one == self.audience.as_str()),
            _ => false,
        };
        // One that is for several says for whom it was issued (OpenID Connect Core 1.0, section 3.1.3.7).
        let is_issued_to_us = match claims.get("azp") {
            Some(party) => *party == self.audience.as_str(),
            None => !matches!(claims.get("aud"), Some(Value::Array(several)) if several.len() > 1),
        };
        if !is_for_us || !is_issued_to_us {
            return Err(IdentityRefused::Audience);
        }
        check_times(&claims, now)?;
        if self.required_claims.iter().any(|(claim, value)| text(claim) != Some(value.as_str())) {
            return Err(IdentityRefused::Claims);
        }
        let subject = text("sub").filter(|subject| (1..=LONGEST_SUBJECT).contains(&subject.len()));
        let email = text(&self.email_claim).map(|email| email.trim().to_lowercase());
        let email = email.filter(|email| email.contains('@') && email.len() <= LONGEST_EMAIL);
        let (Some(subject), Some(email)) = (subject, email) else { return Err(IdentityRefused::Nobody) };
        let is_verified = |claim: &String| claims.get(claim) == Some(&Value::Bool(true));
        if !self.verified_claim.as_ref().is_none_or(is_verified) {
            return Err(IdentityRefused::Unverified);
        }
        Ok(ExternalIdentity { subject: subject.to_owned(), email })
    }
}

fn check_times(claims: &Map<String, Value>, now: Timestamp) -> Result<(), IdentityRefused> {
    let time = |claim: &str| match claims.get(claim) {
        None => Ok(None),
        // Seconds that no time of ours could hold are as wrong as a text.
        Some(value) => match value.as_i64().filter(|seconds| (0..=i64::from(u32::MAX) * 2).contains(seconds))
        {
            Some(seconds) => Ok(Some(Timestamp::from_seconds(seconds))),
            None => Err(IdentityRefused::Time),
        },
    };
    let (Some(issued), Some(expires)) = (time("iat")?, time("exp")?) else {
        return Err(IdentityRefused::Time);
    };
    let is_begun = time("nbf")?.is_none_or(|begins| begins <= now.plus(SKEW));
    let is_fresh = issued <= now.plus(SKEW) && issued.plus(FRESH) > now;
    if is_begun && is_fresh && expires > now { Ok(()) } else { Err(IdentityRefused::Time) }
}

#[cfg(test)]
mod tests;
