//! WooCommerce.

mod preset;

use std::borrow::Cow;

use http::{HeaderMap, HeaderName};
use serde_json::Value;

use super::{
    Ask, Challenge, Sample,
    facts::hashed_key,
    form_body,
    headers::text,
    hmac_scheme::{Algorithm, Encoding, HmacScheme},
    signing::Signing,
    vendor::{PLAIN, Told, Vendor, Ways},
    webhook::{JSON, Sending},
};

static TOPIC: HeaderName = HeaderName::from_static("x-wc-webhook-topic");
static ID: HeaderName = HeaderName::from_static("x-wc-webhook-delivery-id");

/// WooCommerce: the body is the thing itself, such as an order; what happened to it stands in a header.
pub(super) static WOOCOMMERCE: Vendor = Vendor {
    name: "woocommerce",
    display_name: "WooCommerce",
    help: "Add a webhook under WooCommerce, Settings, Advanced, Webhooks: the delivery URL is the webhook URL, and the secret is \
           the signing key. Order metadata named cluid carries the visitor's cluid. WooCommerce disables a webhook after five \
           failures one after the other.",
    signing: Signing::Body(HmacScheme {
        header: HeaderName::from_static("x-wc-webhook-signature"),
        prefix: Cow::Borrowed(""),
        encoding: Encoding::Base64,
        algorithm: Algorithm::Sha256,
    }),
    cluid_path: "$.meta_data[?@.key == 'cluid'].value",
    told,
    ways: Ways { kept: &KEPT, accompany, challenge, ..PLAIN },
    sample: Sample {
        content_type: JSON,
        event: "order.created",
        body: include_str!("../../../fixtures/woocommerce/order_created.json"),
    },
    presets: preset::all,
};

static KEPT: [HeaderName; 3] = [
    HeaderName::from_static("x-wc-webhook-topic"),
    HeaderName::from_static("x-wc-webhook-delivery-id"),
    HeaderName::from_static("x-wc-webhook-source"),
];

/// The delivery's id is a hash of the webhook's and of the second: two orders of one second share it, and a repeated delivery
/// has the same id and the same body.
fn told(headers: &HeaderMap, body: &Value) -> Told {
    let event = text(headers, &TOPIC).map(str::to_owned);
    let dedupe_key =
        text(headers, &ID).map(|id| hashed_key(serde_json::json!([event, id, body]).to_string().as_bytes()));
    Told { event, dedupe_key, booking: None }
}

fn accompany(sending: &Sending<'_>) -> Vec<(&'static HeaderName, String)> {
    vec![(&TOPIC, sending.event.to_owned()), (&ID, sending.id.to_owned())]
}

/// When a webhook is saved, a form with nothing but `webhook_id` comes, without a signature, and only 200 will do.
fn challenge(ask: &Ask<'_>) -> Option<Challenge> {
    let Ask::Post { headers, body } = ask else { return None };
    let digits = body.strip_prefix(b"webhook_id=")?;
    let is_number = (1..=20).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
    (is_number && form_body::is_urlencoded(headers) && !headers.contains_key(&TOPIC))
        .then(|| Challenge::Answer(String::new()))
}
