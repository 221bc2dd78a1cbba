//! A message of the other product as an event of ours: what a workflow would have mapped.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use tributary_connectors::destinations::{OutgoingEvent, Platform, Standing};
use tributary_domain::{
    id::{DeliveryId, DestinationId, EventId, MessageId, WorkflowId},
    identity::{Identifier, IdentifierType},
    normalise,
    tenant::TenantSettings,
    time::Timestamp,
    workflow::{event::EventDraft, spec::Kind},
};

/// What the other product calls events of shops, with our names for them.
const EVENTS: [(&str, &str); 15] = [
    ("product_shared", "share"),
    ("product added", "AddToCart"),
    ("product viewed", "ViewContent"),
    ("product list viewed", "ViewContent"),
    ("payment info entered", "AddPaymentInfo"),
    ("order completed", "Purchase"),
    ("order refunded", "Refund"),
    ("checkout started", "InitiateCheckout"),
    ("viewcontent", "ViewContent"),
    ("promotion viewed", "view_promotion"),
    ("product removed", "remove_from_cart"),
    ("tutorial complete", "tutorial_complete"),
    ("generate_lead", "generate_lead"),
    ("products searched", "Search"),
    ("product added to wishlist", "AddToWishlist"),
];

/// Traits with our names for them.
const TRAITS: [(&str, &str); 14] = [
    ("firstName", "first_name"),
    ("firstname", "first_name"),
    ("lastName", "last_name"),
    ("lastname", "last_name"),
    ("name", "name"),
    ("city", "city"),
    ("state", "state"),
    ("region", "state"),
    ("zip", "zip"),
    ("country", "country"),
    ("street", "street"),
    ("organization", "company"),
    ("title", "job_title"),
    ("gender", "gender"),
];

/// Attributes with our names for them.
const ATTRIBUTES: [(&str, &str); 8] = [
    ("sessionId", "session_id"),
    ("engagementTimeMsec", "engagement_time_msec"),
    ("share_via", "method"),
    ("revenue", "value"),
    ("price", "value"),
    ("total", "value"),
    ("query", "search_string"),
    ("contentType", "content_type"),
];

/// When a message happened.
pub(crate) fn time(message: &Value) -> Option<Timestamp> {
    let text = message["timestamp"].as_str().or(message["originalTimestamp"].as_str())?;
    text.parse().ok()
}

/// The event; nothing where a workflow would make none.
pub(crate) fn event(platform: &dyn Platform, input: &Value, now: Timestamp) -> Option<OutgoingEvent> {
    let message = &input["message"];
    let (kind, name) = match message["type"].as_str()? {
        "track" => (Kind::Track, name(message["event"].as_str()?)),
        "page" => (Kind::Track, "PageView".to_owned()),
        "screen" => (
            Kind::Track,
            message["name"].as_str().or(message["event"].as_str()).unwrap_or("screen").to_owned(),
        ),
        "identify" => (Kind::Identify, String::new()),
        "group" => (Kind::Group, String::new()),
        _ => return None,
    };
    let draft = EventDraft {
        index: 0,
        kind,
        name,
        time: time(message).unwrap_or(now),
        dedupe_id: dedupe_id(message),
        identifiers: identifiers(message),
        rejected: Vec::new(),
        traits: traits(message),
        attributes: attributes(&message["properties"]),
        groups: BTreeMap::new(),
        group_traits: Map::new(),
        consents: Map::new(),
    };
    let id = EventId::derive(MessageId::new(1, 1), WorkflowId::new(1, 2), 0);
    let destination = DestinationId::new(1, 3);
    let standing = Standing {
        delivery: DeliveryId::derive(id, destination, 0),
        event: id,
        received: draft.time,
        profile: None,
        context: context(message),
        source: "Source".to_owned(),
        destination,
        role: None,
        is_test: false,
    };
    Some(OutgoingEvent::of(&draft, platform, &event_names(&input["config"]), standing))
}

/// Our name for an event.
pub(crate) fn name(theirs: &str) -> String {
    let folded = theirs.trim().to_lowercase();
    EVENTS
        .iter()
        .find(|(name, _)| *name == folded)
        .map_or_else(|| theirs.to_owned(), |(_, ours)| (*ours).to_owned())
}

/// What the destination's owner maps names of events to.
fn event_names(config: &Value) -> BTreeMap<String, String> {
    let lists = ["eventsToEvents", "eventsToStandard"]
        .map(|name| config[name].as_array().cloned().unwrap_or_default());
    let pairs = lists.concat().into_iter().rev().filter_map(|pair| {
        let (from, to) = (pair["from"].as_str()?, pair["to"].as_str()?);
        (!from.is_empty()).then(|| (from.to_owned(), to.to_owned()))
    });
    pairs.collect()
}

fn dedupe_id(message: &Value) -> Option<String> {
    let id = message["properties"]["eventId"].as_str().or(message["messageId"].as_str());
    id.map(str::to_owned)
}

fn all_traits(message: &Value) -> Map<String, Value> {
    let mut all = message["traits"].as_object().cloned().unwrap_or_default();
    all.extend(message["context"]["traits"].as_object().cloned().unwrap_or_default());
    if let Some(Value::Object(address)) = all.remove("address") {
        all.extend(address);
    }
    if let Some(locale) = message["context"].get("locale") {
        all.insert("language".to_owned(), locale.clone());
    }
    // They are identifiers.
    all.remove("anonymousId");
    all.remove("userId");
    all
}

fn identifiers(message: &Value) -> Vec<Identifier> {
    let traits = all_traits(message);
    let mut given: Vec<(String, Value)> = Vec::new();
    let mut add = |kind: &str, value: Option<&Value>| match value {
        Some(Value::Array(several)) => given.extend(several.iter().map(|one| (kind.to_owned(), one.clone()))),
        Some(value) if !value.is_null() => given.push((kind.to_owned(), value.clone())),
        _ => {}
    };
    add("email", traits.get("email"));
    add("phone", traits.get("phone"));
    add("phone", message["properties"].get("phone"));
    add("external_id:user", message.get("userId"));
    for external in message["context"]["externalId"].as_array().into_iter().flatten() {
        match external["type"].as_str().unwrap_or_default() {
            "ga4ClientId" => add("ga_client_id", external.get("id")),
            "tiktokExternalId" => add("external_id:tiktok", external.get("id")),
            _ => {}
        }
    }
    add("anonymous_id", message.get("anonymousId"));
    let one = |(kind, value): (String, Value)| {
        let kind = IdentifierType::parse(&kind)?;
        normalise::identifier(&kind, &value, &TenantSettings::default()).ok()
    };
    given.into_iter().filter_map(one).collect()
}

fn traits(message: &Value) -> Map<String, Value> {
    let known = |name: String| {
        TRAITS.iter().find(|(theirs, _)| *theirs == name).map_or(name.clone(), |(_, ours)| (*ours).to_owned())
    };
    all_traits(message).into_iter().map(|(name, value)| (known(name), value)).collect()
}

fn attributes(properties: &Value) -> Map<String, Value> {
    let mut all = Map::new();
    for (name, value) in properties.as_object().into_iter().flatten() {
        let ours =
            ATTRIBUTES.iter().find(|(theirs, _)| theirs == name).map_or(name.as_str(), |(_, ours)| *ours);
        if !properties.as_object().is_some_and(|given| ours != name && given.contains_key(ours)) {
            all.insert(ours.to_owned(), value.clone());
        }
    }
    // What tells the other product what to do is no attribute.
    for name in ["eventId", "clickId", "phone", "fbp", "firebase_conversion", "user_properties"] {
        all.remove(name);
    }
    all
}

fn context(message: &Value) -> Map<String, Value> {
    let context = &message["context"];
    let external = context["externalId"].as_array().into_iter().flatten();
    let mut linkedin = external.filter(|one| one["type"] == "LINKEDIN_FIRST_PARTY_ADS_TRACKING_UUID");
    let given = [
        ("user_agent", &context["userAgent"]),
        ("ip", &context["ip"]),
        (
            "url",
            if context["page"]["url"].is_null() {
                &message["properties"]["url"]
            } else {
                &context["page"]["url"]
            },
        ),
        ("referrer", &context["page"]["referrer"]),
        ("fbc", &context["fbc"]),
        ("fbp", &message["properties"]["fbp"]),
        ("li_fat_id", linkedin.next().map_or(&Value::Null, |one| &one["id"])),
    ];
    let there = given.into_iter().filter(|(_, value)| !value.is_null());
    there.map(|(name, value)| (name.to_owned(), json!(value))).collect()
}
