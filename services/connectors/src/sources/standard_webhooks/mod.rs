//! Everybody who sends by the specification of Standard Webhooks, Svix and its customers among them.

mod preset;
pub(super) mod signature;

use http::{HeaderMap, HeaderName};
use serde_json::Value;

use super::{
    Sample,
    facts::{bounded_key, text_at},
    headers::text,
    signing::Signing,
    vendor::{PLAIN, Told, Vendor, Ways},
    webhook::{JSON, Sending},
};

/// A sender by the specification: `type` names the event, `webhook-id` or `svix-id` the delivery.
pub(super) static STANDARD_WEBHOOKS: Vendor = Vendor {
    name: "standard_webhooks",
    display_name: "Standard Webhooks (Svix)",
    help: "Any sender that follows the specification of Standard Webhooks, with headers that begin with webhook- or svix-. \
           The signing key is the endpoint's secret as the sender shows it, whsec_ and base64; asymmetric signatures (v1a) \
           are not checked. The visitor's cluid is looked for in data.cluid.",
    signing: Signing::Standard,
    cluid_path: "$.data.cluid",
    told,
    ways: Ways { kept: &IDS, accompany, ..PLAIN },
    sample: Sample {
        content_type: JSON,
        event: "",
        body: include_str!("../../../fixtures/standard_webhooks/signed_up.json"),
    },
    presets: preset::all,
};

fn told(headers: &HeaderMap, body: &Value) -> Told {
    let id = signature::family(headers).and_then(|family| text(headers, &IDS[family]));
    Told { event: text_at(body, "/type"), dedupe_key: id.map(|id| bounded_key(id.to_owned())), booking: None }
}

fn accompany(sending: &Sending<'_>) -> Vec<(&'static HeaderName, String)> {
    vec![(&IDS[0], sending.id.to_owned())]
}

static IDS: [HeaderName; 2] = signature::IDS;
