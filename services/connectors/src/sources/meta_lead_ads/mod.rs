//! Meta's lead ads: forms in its apps, of which a webhook tells that one was sent off.

mod challenge;
mod preset;

use http::HeaderMap;
use serde_json::Value;

use super::{
    Sample,
    facts::{bounded_key, hashed_key, scalar, text_at},
    github::HUB_SIGNATURE,
    vendor::{PLAIN, Told, Vendor, Ways},
    webhook::JSON,
};

/// Meta: `X-Hub-Signature-256: sha256=…` over the bytes as they come, with all but ASCII escaped.
pub(super) static META_LEAD_ADS: Vendor = Vendor {
    name: "meta_lead_ads",
    display_name: "Meta lead ads",
    help: "Subscribe the webhook URL to the field leadgen of the page object in your Meta app. The verify token is the part of the \
           webhook URL behind /in/, and the signing key is the app's secret. A message holds the ids of the lead, its form and \
           its ad and nothing of the person: the lead has to be fetched from Meta's Graph API by its leadgen_id.",
    signing: HUB_SIGNATURE,
    cluid_path: "$.entry[0].changes[0].value.cluid",
    told,
    ways: Ways { challenge: challenge::answer, ..PLAIN },
    sample: Sample {
        content_type: JSON,
        event: "",
        body: include_str!("../../../fixtures/meta_lead_ads/leadgen.json"),
    },
    presets: preset::all,
};

/// Several leads may come in one message, and other changes of the page between them: its key is of all of them.
fn told(_: &HeaderMap, body: &Value) -> Told {
    let changes =
        body["entry"].as_array().into_iter().flatten().filter_map(|entry| entry["changes"].as_array());
    let changes: Vec<(Option<String>, &Value)> =
        changes.flatten().map(|change| (scalar(&change["value"]["leadgen_id"]), change)).collect();
    let has_leads = changes.iter().any(|(lead, _)| lead.is_some());
    let dedupe_key = has_leads.then(|| match changes.as_slice() {
        [(Some(lead), _)] => bounded_key(lead.clone()),
        several => {
            // What is no lead is told by all that it says.
            let told =
                several.iter().map(|(lead, change)| lead.clone().unwrap_or_else(|| change.to_string()));
            hashed_key(told.collect::<Vec<_>>().join(" ").as_bytes())
        }
    });
    Told { event: text_at(body, "/entry/0/changes/0/field"), dedupe_key, booking: None }
}
