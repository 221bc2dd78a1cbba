//! The settings of the other product's destinations as settings of ours.

use serde_json::{Map, Value, json};
use tributary_connectors::destinations::Secrets;

use crate::{google, message};

/// Settings and secrets.
pub(crate) fn of(platform: &str, config: &Value) -> (Value, Secrets) {
    let text = |name: &str| config[name].as_str().unwrap_or_default();
    let one = |name: &str, value: &str| -> Secrets {
        std::iter::once((name.to_owned(), value.to_owned())).filter(|(_, value)| !value.is_empty()).collect()
    };
    match platform {
        "meta" => {
            // Theirs says `website` of events that know neither page nor browser, which Meta refuses.
            let settings = json!({
                "dataset_id": text("datasetId"), "limited_data_use": config["limitedDataUsage"], "default_currency": "USD",
                "api_version": "v25.0",
            });
            (settings, one("access_token", text("accessToken")))
        }
        "google_ads" => {
            let client = [("client_secret", "s"), ("refresh_token", "r")];
            let secrets =
                client.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect();
            (google::settings(config, message::name), secrets)
        }
        "ga4" => (json!({"measurement_id": text("measurementId")}), one("api_secret", text("apiSecret"))),
        "tiktok" => {
            // Their cases have a name in braces, which no pixel has.
            let pixel = text("pixelCode").trim_matches(['{', '}']);
            (json!({"event_source_id": pixel}), one("access_token", text("accessToken")))
        }
        "linkedin" => {
            let rules = config["conversionMapping"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|rule| Some((rule["from"].as_str()?.to_owned(), rule["to"].clone())));
            // Of several rules for a name the first one counts.
            let rules: Map<String, Value> = rules.collect::<Vec<_>>().into_iter().rev().collect();
            let settings = json!({"conversions": rules, "default_currency": "USD", "api_version": "202511"});
            (settings, one("access_token", "token"))
        }
        "klaviyo" => {
            let revision = match text("apiVersion") {
                "v3" => "2026-04-15",
                "v2" => "2024-10-15",
                _ => "2023-02-22",
            };
            (json!({ "revision": revision }), one("api_key", text("privateApiKey")))
        }
        "slack" => {
            let template = text("identifyTemplate").replace("{{newline}}", "\n");
            let ours = template.replace("{{", "{{ $.data.traits.").replace("}}", " }}");
            (json!({ "text": ours }), one("webhook_url", text("webhookUrl")))
        }
        "webhook" => {
            let headers = config["headers"].as_array().into_iter().flatten().filter_map(|pair| {
                let from = pair["from"].as_str().filter(|from| !from.is_empty())?;
                Some((from.to_owned(), pair["to"].clone()))
            });
            let headers: Map<String, Value> = headers.collect();
            let settings = json!({ "url": text("webhookUrl"), "headers": headers });
            (settings, one("signing", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
        }
        other => panic!("no settings for {other}"),
    }
}
