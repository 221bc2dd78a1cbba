//! `Calendly-Webhook-Signature: t=<unix seconds>,v1=<hex>`: HMAC-SHA256, keyed by the text of the signing key.

use std::borrow::Cow;

use http::HeaderName;

use crate::sources::{
    hmac_scheme::{Algorithm, Encoding, HmacScheme},
    signing::Signing,
};

/// How Calendly signs.
pub(super) fn signing() -> Signing {
    Signing::Timed(HmacScheme {
        header: HeaderName::from_static("calendly-webhook-signature"),
        prefix: Cow::Borrowed(""),
        encoding: Encoding::LowerHex,
        algorithm: Algorithm::Sha256,
    })
}
