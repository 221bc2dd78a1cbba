//! An event to try a destination with: of somebody of whom everything is known that platforms find people by.

use serde_json::{Map, Value, json};
use tributary_domain::{
    identity::{Identifier, IdentifierType},
    time::Timestamp,
    workflow::{event::EventDraft, spec::Kind},
};

/// Identifiers as workflows map them.
const IDENTIFIERS: [(&str, &str); 5] = [
    ("email", "ada.example@example.com"),
    ("phone", "+14045550142"),
    ("cluid", "trb_01h8xkq7v2m3n4p5r6s7t8v9w0"),
    ("external_id:crm", "example-42"),
    ("ga_client_id", "1234567890.1700000000"),
];

/// An event of this name that happens at `time`, and the browser session that it belongs to. Its addresses and numbers belong to
/// nobody (RFC 2606, RFC 5737, the numbers for fiction of the NANPA).
pub fn example(name: &str, time: Timestamp) -> (EventDraft, Map<String, Value>) {
    let identifier = |(kind, value): &(&str, &str)| {
        Some(Identifier { kind: IdentifierType::parse(kind)?, value: (*value).to_owned(), raw: None })
    };
    let draft = EventDraft {
        index: 0,
        kind: Kind::Track,
        name: name.to_owned(),
        time,
        dedupe_id: None,
        identifiers: IDENTIFIERS.iter().filter_map(identifier).collect(),
        rejected: Vec::new(),
        traits: object(json!({
            "email": "ada.example@example.com", "phone": "+14045550142", "first_name": "Ada", "last_name": "Example",
            "city": "Atlanta", "state": "Georgia", "zip": "30303", "country": "US", "gender": "f",
            "date_of_birth": "1990-04-23", "company": "Example", "job_title": "Engineer",
        })),
        attributes: object(json!({
            "content_name": "Example", "value": 49.5, "currency": "USD", "order_id": "example-1",
        })),
        groups: std::collections::BTreeMap::new(),
        group_traits: Map::new(),
        consents: object(json!({"ads": true, "marketing": true})),
    };
    let context = object(json!({
        "fbp": "fb.1.1700000000000.1234567890", "fbclid": "ExampleClick", "gclid": "ExampleClick",
        "gbraid": "ExampleClick", "wbraid": "ExampleClick", "ttclid": "ExampleClick", "ttp": "example",
        "li_fat_id": "9c1d8a3e-0000-4000-8000-000000000000", "ip": "203.0.113.7",
        "user_agent": "Mozilla/5.0 (X11; Linux x86_64) Example/1.0", "url": "https://www.example.com/book",
        "referrer": "https://www.example.com/",
    }));
    (draft, context)
}

fn object(value: Value) -> Map<String, Value> {
    if let Value::Object(fields) = value { fields } else { Map::new() }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tributary_domain::id::{DeliveryId, DestinationId, EventId, MessageId, WorkflowId};

    use super::*;
    use crate::destinations::{
        OutgoingEvent, PLATFORMS, Standing, quality,
        tests::{NOW, working},
    };

    #[test]
    fn every_platform_takes_the_example_and_finds_its_person() {
        for platform in PLATFORMS {
            let (draft, context) = example("Schedule", NOW);
            let event = EventId::derive(MessageId::new(1, 1), WorkflowId::new(1, 2), 0);
            let destination = DestinationId::new(1, 3);
            let standing = Standing {
                delivery: DeliveryId::derive(event, destination, 0),
                event,
                received: NOW,
                profile: None,
                context,
                source: "Example".to_owned(),
                destination,
                role: None,
                is_test: false,
            };
            let outgoing = OutgoingEvent::of(&draft, platform, &BTreeMap::new(), standing);
            let (settings, secrets) = working(platform.name());
            let request = platform.request(&settings, &secrets, &outgoing, NOW);
            assert!(request.is_ok(), "{}: {request:?}", platform.name());
            let missing = quality(platform.about(), &outgoing).map(|quality| quality.missing);
            assert!(missing.is_none_or(|missing| missing.is_empty()), "{}", platform.name());
        }
    }
}
