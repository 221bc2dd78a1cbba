//! Typeform.

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

/// Typeform: `Typeform-Signature: sha256=…`.
pub(super) static TYPEFORM: Vendor = Vendor {
    name: "typeform",
    display_name: "Typeform",
    help: "Add the webhook URL under Connect, Webhooks of the form, with a secret of your own, which is the signing key. A \
           hidden field named cluid carries the visitor's cluid.",
    signing: Signing::Body(HmacScheme {
        header: HeaderName::from_static("typeform-signature"),
        prefix: Cow::Borrowed("sha256="),
        encoding: Encoding::Base64,
        algorithm: Algorithm::Sha256,
    }),
    cluid_path: "$.form_response.hidden.cluid",
    told,
    ways: PLAIN,
    sample: Sample {
        content_type: JSON,
        event: "",
        body: include_str!("../../../fixtures/typeform/form_response.json"),
    },
    presets: preset::all,
};

/// A response is sent off once: its token, with the event, is what a delivery that somebody repeats by hand has too.
fn told(_: &HeaderMap, body: &Value) -> Told {
    let event = text_at(body, "/event_type");
    let token = text_at(body, "/form_response/token").or_else(|| text_at(body, "/event_id"));
    let dedupe_key = event.as_ref().zip(token).map(|(event, token)| bounded_key(format!("{event} {token}")));
    Told { event, dedupe_key, booking: None }
}
