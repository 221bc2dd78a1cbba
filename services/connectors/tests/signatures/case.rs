//! A signed request, and every change of it by one bit.

use std::{iter, ops::Range};

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use tributary_connectors::sources::{Provider, Signature, SignatureError, Webhook, provider};
use tributary_domain::time::Timestamp;

use crate::vectors::{TIME, Vector};

/// Headers of these names and values.
pub(crate) fn headers(pairs: &[(impl AsRef<str>, impl AsRef<str>)]) -> HeaderMap {
    let mut all = HeaderMap::new();
    for (name, value) in pairs {
        let name = HeaderName::from_bytes(name.as_ref().as_bytes()).unwrap();
        all.append(name, HeaderValue::from_str(value.as_ref()).unwrap());
    }
    all
}

/// A signed request, ready to be changed.
pub(crate) struct Case {
    pub(crate) provider: &'static dyn Provider,
    pub(crate) what: String,
    pub(crate) key: String,
    pub(crate) origin: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(HeaderName, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
    pub(crate) now: Timestamp,
}

/// The headers that are signatures, or are signed, as they begin.
const SIGNED: [&str; 11] = [
    "calendly-webhook-signature",
    "stripe-signature",
    "x-shopify-hmac-sha256",
    "typeform-signature",
    "x-hub-signature-256",
    "x-cal-signature-256",
    "x-wc-webhook-signature",
    "x-hubspot-",
    "webhook-",
    "svix-",
    "x-signature",
];

impl Case {
    pub(crate) fn of(vector: &Vector) -> Self {
        Self {
            provider: provider(vector.provider).unwrap(),
            what: format!("{}: {}", vector.provider, vector.what),
            key: vector.key.to_owned(),
            origin: "https://in.example.com".to_owned(),
            target: vector.target.to_owned(),
            headers: headers(vector.headers)
                .iter()
                .map(|(name, value)| (name.clone(), value.as_bytes().to_vec()))
                .collect(),
            body: vector.body.as_bytes().to_vec(),
            now: Timestamp::from_seconds(TIME),
        }
    }

    /// Nothing where a header cannot even be sent.
    fn header_map(&self) -> Option<HeaderMap> {
        let header = |(name, value): &(HeaderName, Vec<u8>)| {
            Some((name.clone(), HeaderValue::from_bytes(value).ok()?))
        };
        self.headers.iter().map(header).collect()
    }

    /// # Panics
    /// When a header cannot be sent.
    pub(crate) fn verify(&self) -> Result<Signature, SignatureError> {
        self.verify_with(&self.header_map().unwrap(), &self.key, &self.body)
    }

    fn verify_with(&self, headers: &HeaderMap, key: &str, body: &[u8]) -> Result<Signature, SignatureError> {
        let webhook = Webhook { origin: &self.origin, target: &self.target, headers, body };
        let settings = self.provider.check_settings(&Value::Null).unwrap();
        self.provider.verify(&settings, &[key.to_owned()], &webhook, self.now)
    }

    /// The bytes of a header without which it says something else: of several signatures the last, which is the right one in
    /// all vectors, and of pairs those that count.
    fn essential(value: &str) -> Vec<Range<usize>> {
        let end = value.trim_end().len();
        if let Some(signature) = value.rfind("v1=") {
            let time = value.find("t=").unwrap();
            let time_end = time + value[time..].find([',', ' ']).unwrap();
            return vec![time..time_end, signature..end];
        }
        if value.contains("v1,") {
            let start = value.rfind(' ').map_or(0, |space| space + 1);
            return iter::once(start..end).collect();
        }
        iter::once(0..end).collect()
    }

    /// Changes each bit of the signature, of what else is signed, and of the key; returns how many changes there were.
    ///
    /// # Panics
    /// When the request is not valid as it is, or one of them is still valid.
    #[track_caller]
    pub(crate) fn assert_every_bit_counts(&mut self) -> usize {
        assert_eq!(self.verify(), Ok(Signature::Valid), "{}", self.what);
        let mut changes = 0;
        for header in 0..self.headers.len() {
            let name = self.headers[header].0.clone();
            if !SIGNED.iter().any(|signed| name.as_str().starts_with(signed)) {
                continue;
            }
            let text = String::from_utf8(self.headers[header].1.clone()).unwrap();
            for (at, bit) in
                Self::essential(&text).into_iter().flatten().flat_map(|at| (0..8).map(move |bit| (at, bit)))
            {
                self.headers[header].1[at] ^= 1 << bit;
                if let Some(headers) = self.header_map() {
                    let verified = self.verify_with(&headers, &self.key, &self.body);
                    assert!(verified.is_err(), "{}: bit {bit} of byte {at} of {name}", self.what);
                }
                self.headers[header].1[at] ^= 1 << bit;
                changes += 1;
            }
        }
        assert!(changes > 0, "{}: no signature", self.what);
        let headers = self.header_map().unwrap();
        for (at, bit) in (0..self.body.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
            self.body[at] ^= 1 << bit;
            let verified = self.verify_with(&headers, &self.key, &self.body);
            assert_eq!(
                verified,
                Err(SignatureError::Mismatch),
                "{}: bit {bit} of byte {at} of the body",
                self.what
            );
            self.body[at] ^= 1 << bit;
            changes += 1;
        }
        // Keys are texts: with the highest bit changed they would be none.
        for (at, bit) in (0..self.key.len()).flat_map(|at| (0..7).map(move |bit| (at, bit))) {
            let mut key = self.key.clone().into_bytes();
            key[at] ^= 1 << bit;
            let key = String::from_utf8(key).unwrap();
            let verified = self.verify_with(&headers, &key, &self.body);
            assert_eq!(
                verified,
                Err(SignatureError::Mismatch),
                "{}: bit {bit} of byte {at} of the key",
                self.what
            );
            changes += 1;
        }
        changes
    }
}
