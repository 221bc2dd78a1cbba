//! HubSpot: webhooks of its apps, and of its workflows.

mod preset;
pub(super) mod signature;

use http::HeaderMap;
use serde_json::Value;

pub(super) use self::signature::Versions;
use super::{
    Sample,
    facts::{hashed_key, text_at},
    signing::Signing,
    vendor::{PLAIN, Told, Vendor},
    webhook::JSON,
};

/// HubSpot. Its apps post up to a hundred events at once, in no order: one message, of which a workflow makes one event
/// for each.
pub(super) static HUBSPOT: Vendor = Vendor {
    name: "hubspot",
    display_name: "HubSpot",
    help: "Subscribe a private or public app to events of contacts with the webhook URL as its target URL. The signing key is \
           the app's client secret. HubSpot signs the URL that it calls, so public_url has to be what it was given. Events \
           hold ids, and changed properties only; several come in one message. require_v3 refuses the signatures v1 and \
           v2, which workflows of HubSpot still send.",
    signing: Signing::HubSpot(Versions::All),
    cluid_path: "$[?@.propertyName == 'cluid'].propertyValue",
    told,
    ways: PLAIN,
    sample: Sample {
        content_type: JSON,
        event: "",
        body: include_str!("../../../fixtures/hubspot/contacts.json"),
    },
    presets: preset::all,
};

/// The event is that of the first element. The key is of what all of them tell but the number of the attempt; of what is no
/// list of events, as workflows of HubSpot send, of all of it: older signatures sign no time, and would stay good for ever.
fn told(_: &HeaderMap, body: &Value) -> Told {
    let event = text_at(body, "/0/subscriptionType");
    let events = body.as_array().filter(|events| !events.is_empty());
    let known = |event: &Value| {
        let parts =
            ["portalId", "subscriptionId", "eventId", "objectId", "occurredAt"].map(|name| &event[name]);
        event["eventId"].is_number().then(|| Value::from_iter(parts.map(Value::clone)))
    };
    let keys: Option<Vec<Value>> = events.and_then(|events| events.iter().map(known).collect());
    let told = keys.map_or_else(|| body.to_string(), |keys| Value::Array(keys).to_string());
    Told { event, dedupe_key: Some(hashed_key(told.as_bytes())), booking: None }
}
