//! Shopify.

mod preset;

use std::borrow::Cow;

use http::{HeaderMap, HeaderName};
use serde_json::Value;

use super::{
    Sample,
    facts::bounded_key,
    headers::text,
    hmac_scheme::{Algorithm, Encoding, HmacScheme},
    signing::Signing,
    vendor::{PLAIN, Told, Vendor, Ways},
    webhook::{JSON, Sending},
};

static TOPIC: HeaderName = HeaderName::from_static("x-shopify-topic");
static ID: HeaderName = HeaderName::from_static("x-shopify-webhook-id");

/// Shopify: the body is the thing itself, such as an order; what happened to it stands in a header.
pub(super) static SHOPIFY: Vendor = Vendor {
    name: "shopify",
    display_name: "Shopify",
    help: "Make webhooks with the webhook URL under Settings, Notifications, or by an app. The signing key is the secret that \
           is shown there, or the app's secret. The cart attribute cluid carries the visitor's cluid to the order.",
    signing: Signing::Body(HmacScheme {
        header: HeaderName::from_static("x-shopify-hmac-sha256"),
        prefix: Cow::Borrowed(""),
        encoding: Encoding::Base64,
        algorithm: Algorithm::Sha256,
    }),
    cluid_path: "$.note_attributes[?@.name == 'cluid'].value",
    told,
    ways: Ways { kept: &KEPT, accompany, ..PLAIN },
    sample: Sample {
        content_type: JSON,
        event: "orders/create",
        body: include_str!("../../../fixtures/shopify/orders_create.json"),
    },
    presets: preset::all,
};

static KEPT: [HeaderName; 3] = [
    HeaderName::from_static("x-shopify-topic"),
    HeaderName::from_static("x-shopify-webhook-id"),
    HeaderName::from_static("x-shopify-shop-domain"),
];

fn told(headers: &HeaderMap, _: &Value) -> Told {
    Told {
        event: text(headers, &TOPIC).map(str::to_owned),
        dedupe_key: text(headers, &ID).map(|id| bounded_key(id.to_owned())),
        booking: None,
    }
}

fn accompany(sending: &Sending<'_>) -> Vec<(&'static HeaderName, String)> {
    vec![(&TOPIC, sending.event.to_owned()), (&ID, sending.id.to_owned())]
}
