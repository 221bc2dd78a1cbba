//! Vectors that somebody else collected: a folder of JSON files, one a vendor, that `TRIBUTARY_SIGNATURE_VECTORS` names. Each
//! holds a list of requests with what is expected of them.

use std::{collections::BTreeMap, env, fs};

use http::HeaderName;
use serde_json::Value;
use tributary_connectors::sources::{Ask, Challenge, Signature, provider};
use tributary_domain::time::Timestamp;

use crate::case::Case;

/// The provider of each vendor.
const PROVIDERS: [(&str, &str); 11] = [
    ("calcom", "calcom"),
    ("calendly", "calendly"),
    ("github", "github"),
    ("hubspot", "hubspot"),
    ("meta", "meta_lead_ads"),
    ("shopify", "shopify"),
    ("standard-webhooks", "standard_webhooks"),
    ("stripe", "stripe"),
    ("svix", "standard_webhooks"),
    ("typeform", "typeform"),
    ("woocommerce", "woocommerce"),
];
/// Vendors that are no provider of a source.
const OTHERS: [&str; 3] = ["paddle", "slack", "twilio"];

fn text<'a>(vector: &'a Value, name: &str) -> &'a str {
    vector[name].as_str().unwrap_or_default()
}

fn case(provider_name: &str, vector: &Value) -> Case {
    let url = vector["url"].as_str().unwrap_or("https://in.example.com/in/secret");
    let path = url.find("//").and_then(|start| Some(start + 2 + url[start + 2..].find('/')?)).unwrap();
    let headers = vector["headers"].as_object().unwrap().iter().map(|(name, value)| {
        (HeaderName::from_bytes(name.as_bytes()).unwrap(), value.as_str().unwrap().as_bytes().to_vec())
    });
    Case {
        provider: provider(provider_name).unwrap(),
        what: format!("{} {}", text(vector, "vendor"), text(vector, "name")),
        key: text(vector, "secret").to_owned(),
        origin: url[..path].to_owned(),
        target: url[path..].to_owned(),
        headers: headers.collect(),
        body: text(vector, "body").as_bytes().to_vec(),
        now: Timestamp::from_seconds(vector["now"].as_i64().unwrap_or(1_700_000_000)),
    }
}

fn challenge(provider_name: &str, vector: &Value) {
    let query: Vec<String> = vector["query"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| format!("{name}={}", value.as_str().unwrap()))
        .collect();
    let ask = Ask::Get { query: &query.join("&"), token: text(vector, "verify_token") };
    let answer = provider(provider_name).unwrap().challenge(&ask);
    let expected = match text(vector, "expect") {
        "403" => Challenge::Refused,
        _ => Challenge::Answer(text(&vector["query"], "hub.challenge").to_owned()),
    };
    assert_eq!(answer, Some(expected), "{}", text(vector, "name"));
}

#[test]
#[allow(clippy::print_stdout, reason = "says how much was compared")]
fn what_others_collected_agrees() {
    let Some(folder) = env::var_os("TRIBUTARY_SIGNATURE_VECTORS") else { return };
    let mut checked: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for file in fs::read_dir(folder).unwrap() {
        let vectors: Value = serde_json::from_slice(&fs::read(file.unwrap().path()).unwrap()).unwrap();
        for vector in vectors.as_array().unwrap() {
            let vendor = text(vector, "vendor");
            let Some((_, provider_name)) = PROVIDERS.iter().find(|(known, _)| *known == vendor) else {
                assert!(OTHERS.contains(&vendor), "which provider is {vendor}?");
                continue;
            };
            let (vectors, changes) = checked.entry(vendor.to_owned()).or_default();
            *vectors += 1;
            if vector["query"].is_object() {
                challenge(provider_name, vector);
                continue;
            }
            let mut case = case(provider_name, vector);
            let expected = text(vector, "expect");
            let refused = |code: &str| {
                assert_eq!(
                    case.verify().map_err(|error| error.code().to_owned()),
                    Err(code.to_owned()),
                    "{}",
                    case.what
                )
            };
            match expected {
                "valid" => {
                    assert_eq!(case.verify(), Ok(Signature::Valid), "{}", case.what);
                    *changes += case.assert_every_bit_counts();
                }
                "malformed" => refused("SIGNATURE_MALFORMED"),
                "invalid" => refused("SIGNATURE_MISMATCH"),
                expired if expired.starts_with("expired") => refused("SIGNATURE_OUTSIDE_TOLERANCE"),
                other => panic!("{}: what is {other}?", case.what),
            }
        }
    }
    assert_eq!(checked.len(), PROVIDERS.len(), "{checked:?}");
    println!("vectors, and changes of one bit that were refused: {checked:?}");
}
