//! GitHub.

mod preset;

use std::borrow::Cow;

use http::{HeaderMap, HeaderName};
use serde_json::Value;

use super::{
    FormError, Sample,
    facts::{bounded_key, text_at},
    form_body,
    headers::text,
    hmac_scheme::{Algorithm, Encoding, HmacScheme},
    signing::Signing,
    vendor::{PLAIN, Told, Vendor, Ways},
    webhook::{JSON, Sending},
};

static EVENT: HeaderName = HeaderName::from_static("x-github-event");
static ID: HeaderName = HeaderName::from_static("x-github-delivery");
static KEPT: [HeaderName; 2] =
    [HeaderName::from_static("x-github-event"), HeaderName::from_static("x-github-delivery")];

/// How GitHub and Meta sign: `X-Hub-Signature-256: sha256=…`.
pub(super) const HUB_SIGNATURE: Signing = Signing::Body(HmacScheme {
    header: HeaderName::from_static("x-hub-signature-256"),
    prefix: Cow::Borrowed("sha256="),
    encoding: Encoding::LowerHex,
    algorithm: Algorithm::Sha256,
});

/// GitHub: the event stands in a header, and what happened in the body's `action`: together `issues.opened`.
pub(super) static GITHUB: Vendor = Vendor {
    name: "github",
    display_name: "GitHub",
    help: "Add the webhook URL under Settings, Webhooks of the repository or organization, with a secret of your own, which is \
           the signing key. Either content type will do. People are known by the id of their account.",
    signing: HUB_SIGNATURE,
    cluid_path: "$.client_payload.cluid",
    told,
    ways: Ways { kept: &KEPT, accompany, body, ..PLAIN },
    sample: Sample {
        content_type: JSON,
        event: "star.created",
        body: include_str!("../../../fixtures/github/star_created.json"),
    },
    presets: preset::all,
};

fn told(headers: &HeaderMap, body: &Value) -> Told {
    let action = text_at(body, "/action");
    let event = text(headers, &EVENT).map(|event| match action {
        Some(action) => format!("{event}.{action}"),
        None => event.to_owned(),
    });
    Told { event, dedupe_key: text(headers, &ID).map(|id| bounded_key(id.to_owned())), booking: None }
}

fn accompany(sending: &Sending<'_>) -> Vec<(&'static HeaderName, String)> {
    let event = sending.event.split('.').next().unwrap_or_default();
    vec![(&EVENT, event.to_owned()), (&ID, sending.id.to_owned())]
}

/// The other content type is a form whose only field has the JSON.
fn body(headers: &HeaderMap, body: &[u8]) -> Result<Option<Vec<u8>>, FormError> {
    let Some(Value::Object(mut fields)) = form_body::read(headers, body)? else { return Ok(None) };
    match fields.remove("payload") {
        Some(Value::String(payload)) => Ok(Some(payload.into_bytes())),
        _ => Err(FormError::Malformed("the form has no field `payload`")),
    }
}
