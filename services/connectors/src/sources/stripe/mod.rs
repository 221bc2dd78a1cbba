//! Stripe.

mod preset;

use std::borrow::Cow;

use http::{HeaderMap, HeaderName};
use serde_json::Value;

use super::{
    Sample,
    facts::{bounded_key, text_at},
    hmac_scheme::{Algorithm, Encoding, HmacScheme},
    signing::Signing,
    vendor::{PLAIN, Told, Vendor},
    webhook::JSON,
};

/// Stripe: `Stripe-Signature: t=…,v1=…`, keyed by the whole text of the endpoint's secret, `whsec_` included.
pub(super) static STRIPE: Vendor = Vendor {
    name: "stripe",
    display_name: "Stripe",
    help: "Add the webhook URL as an endpoint in Stripe's dashboard. The signing key is the endpoint's secret, which begins \
           with whsec_. A link to Checkout or a payment link carries the visitor's cluid in client_reference_id.",
    signing: Signing::Timed(HmacScheme {
        header: HeaderName::from_static("stripe-signature"),
        prefix: Cow::Borrowed(""),
        encoding: Encoding::LowerHex,
        algorithm: Algorithm::Sha256,
    }),
    cluid_path: "$.data.object.client_reference_id",
    told,
    ways: PLAIN,
    sample: Sample {
        content_type: JSON,
        event: "",
        body: include_str!("../../../fixtures/stripe/checkout_session_completed.json"),
    },
    presets: preset::all,
};

/// A repeated delivery has the same `id`.
fn told(_: &HeaderMap, body: &Value) -> Told {
    Told { event: text_at(body, "/type"), dedupe_key: text_at(body, "/id").map(bounded_key), booking: None }
}
