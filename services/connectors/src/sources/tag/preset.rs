//! The workflows to start from.
//!
//! All of them map what is known of the browser under the names of [`tributary_domain::context`], so that the visitor's
//! session keeps it, and whatever comes later with the same cluid is told with it.

use serde_json::json;
use tributary_domain::workflow::{
    catalogue::{EVENTS, TRAITS, attribute_type},
    spec::{DateFormat, Group, Input, Kind, Mapping, MessageField, Op, Operator, ValueType, WorkflowSpec},
};

use crate::sources::{
    Preset,
    build::{all_of, attribute, condition, constant, field, mapping, path, single, user_trait, with_step},
};

/// Where a body has what is known of the browser.
const CONTEXT: [(&str, &str); 29] = [
    ("url", "$.context.page.url"),
    ("page_path", "$.context.page.path"),
    ("page_title", "$.context.page.title"),
    ("referrer", "$.context.page.referrer"),
    ("landing_page", "$.context.landing"),
    ("utm_source", "$.context.campaign.utm_source"),
    ("utm_medium", "$.context.campaign.utm_medium"),
    ("utm_campaign", "$.context.campaign.utm_campaign"),
    ("utm_content", "$.context.campaign.utm_content"),
    ("utm_term", "$.context.campaign.utm_term"),
    ("fbclid", "$.context.clicks.fbclid"),
    ("gclid", "$.context.clicks.gclid"),
    ("gbraid", "$.context.clicks.gbraid"),
    ("wbraid", "$.context.clicks.wbraid"),
    ("ttclid", "$.context.clicks.ttclid"),
    ("li_fat_id", "$.context.clicks.li_fat_id"),
    ("msclkid", "$.context.clicks.msclkid"),
    ("sc_click_id", "$.context.clicks.sc_click_id"),
    ("dclid", "$.context.clicks.dclid"),
    ("twclid", "$.context.clicks.twclid"),
    ("epik", "$.context.clicks.epik"),
    ("rdt_cid", "$.context.clicks.rdt_cid"),
    ("fbp", "$.context.fbp"),
    ("fbc", "$.context.fbc"),
    ("ttp", "$.context.ttp"),
    ("ga_client_id", "$.context.ga_client_id"),
    ("language", "$.context.language"),
    ("ip", "$.context.ip"),
    ("user_agent", "$.context.user_agent"),
];

/// The purposes that consent banners ask for, the first four as Google's consent mode names them.
const PURPOSES: [&str; 9] = [
    "ad_storage",
    "ad_user_data",
    "ad_personalization",
    "analytics_storage",
    "ads",
    "analytics",
    "functional",
    "marketing",
    "personalization",
];

/// Every preset of the tag, the one to begin with first.
pub(super) fn all() -> Vec<Preset> {
    vec![
        Preset {
            key: "browser_page",
            display_name: "Page views",
            help: "Somebody looked at a page: the event PageView, with where they came from. The click ids, the address and \
                   the browser are kept with the visitor's session, for what follows on other ways.",
            provider_event: "page",
            spec: tracked("page", constant("PageView")),
        },
        Preset {
            key: "browser_track",
            display_name: "Browser events",
            help: "A page called the tag's track: the event that it names, with the properties that standard events have. Add \
                   mappings for others.",
            provider_event: "track",
            spec: tracked("track", path("$.name")),
        },
        Preset {
            key: "browser_identify",
            display_name: "Who visitors are",
            help: "A page told who its visitor is, or what the visitor agreed to: traits and consents of the person, and no \
                   event of their own.",
            provider_event: "identify",
            spec: identified(),
        },
    ]
}

/// Something that a visitor did.
fn tracked(kind: &str, name: Input) -> WorkflowSpec {
    WorkflowSpec {
        kind: Kind::Track,
        filter: Some(only(&[kind])),
        event_name: Some(single("event_name", ValueType::String, vec![name])),
        identifiers: vec![cluid()],
        event_attributes: properties().chain(context()).collect(),
        ..shared()
    }
}

/// Who a visitor is.
fn identified() -> WorkflowSpec {
    let at = |name: &str| vec![path(&format!("$.traits.{name}"))];
    let known = TRAITS.iter().map(|known| match known.name {
        "phone" => with_step(user_trait("phone", at("phone")), "to_phone", Op::ToPhone { country: None }),
        name => Mapping { value_type: known.value_type, ..user_trait(name, at(name)) },
    });
    WorkflowSpec {
        kind: Kind::Identify,
        filter: Some(only(&["identify", "consent"])),
        identifiers: vec![
            cluid(),
            // What the page calls its visitor: the first argument of the tag's identify.
            mapping("identifier", "external_id:user", at("user_id")),
            mapping("identifier", "email", at("email")),
        ],
        user_traits: known.collect(),
        event_attributes: context().collect(),
        ..shared()
    }
}

/// What all of them have: when it happened, what tells it from others, and what the visitor agreed to.
fn shared() -> WorkflowSpec {
    let at = single("event_time", ValueType::Time, vec![path("$.at")]);
    let purpose = |name: &&str| mapping("consent", name, vec![path(&format!("$.consents.{name}"))]);
    WorkflowSpec {
        event_time: Some(with_step(at, "to_date", Op::ToDate(DateFormat::Auto))),
        // A page that tells a platform of the same event itself says under which id it does.
        event_id: Some(single(
            "event_id",
            ValueType::String,
            vec![path("$.properties.event_id"), path("$.id")],
        )),
        consents: PURPOSES.iter().map(purpose).collect(),
        ..WorkflowSpec::default()
    }
}

fn only(kinds: &[&str]) -> Group {
    let kinds = kinds.iter().map(|kind| json!(kind)).collect();
    all_of(vec![condition("filter_type", "$.type", Operator::In, kinds)])
}

/// The visitor. The place is tried after what the source found only so that the run's log shows what stands there instead.
fn cluid() -> Mapping {
    let inputs = vec![field(MessageField::Cluid), path("$.cluid")];
    Mapping { primary: true, ..mapping("identifier", "cluid", inputs) }
}

/// The properties that standard events have.
fn properties() -> impl Iterator<Item = Mapping> {
    let mut names: Vec<&str> = EVENTS.iter().flat_map(|event| event.attributes).copied().collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter().filter(|name| CONTEXT.iter().all(|(own, _)| own != name)).map(|name| Mapping {
        value_type: attribute_type(name),
        ..attribute(name, &format!("$.properties.{name}"))
    })
}

/// What is known of the browser.
fn context() -> impl Iterator<Item = Mapping> {
    CONTEXT.iter().map(|(target, place)| attribute(target, place))
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use serde_json::Value;
    use tributary_domain::{
        context,
        id::MessageId,
        tenant::TenantSettings,
        time::Timestamp,
        workflow::{
            compile::CompiledWorkflow,
            evaluate::MessageView,
            event::{EventDraft, RunOutcome},
            status::RunStatus,
        },
    };

    use super::*;
    use crate::sources::{Provider, tag::Tag};

    const CLUID: &str = "trb_01h8xkq7v2m3n4p5r6s7t8v9w0";

    fn run(preset: &str, body: &Value) -> RunOutcome {
        let preset = Tag.presets().into_iter().find(|known| known.key == preset).unwrap();
        let (workflow, problems) = CompiledWorkflow::compile(&preset.spec);
        assert_eq!(problems, [], "{}", preset.key);
        let settings = Tag.check_settings(&Value::Null).unwrap();
        let facts = Tag.facts(&settings, &HeaderMap::new(), body);
        let message = MessageView {
            id: MessageId::new(1, 1),
            received: Timestamp::from_seconds(1_800_000_000),
            body,
            provider_event: facts.provider_event.as_deref(),
            cluid: facts.cluid.found(),
            source_name: "Shop",
            booking: None,
        };
        workflow.unwrap().evaluate(&message, &TenantSettings::default())
    }

    fn event(preset: &str, body: &Value) -> EventDraft {
        match run(preset, body) {
            RunOutcome::Events(events) if events.len() == 1 => EventDraft::clone(&events[0]),
            other => panic!("{other:?}"),
        }
    }

    fn body(kind: &str) -> Value {
        json!({
            "type": kind,
            "id": "5f3c1a52-6a0e-4d7b-9c59-2f8f6b0f9a11",
            "cluid": CLUID,
            "at": "2026-03-10T14:02:30.5Z",
            "context": {
                "page": { "url": "https://shop.example/a?b=c", "path": "/a", "title": "A", "referrer": "" },
                "landing": "https://shop.example/?gclid=G",
                "campaign": { "utm_source": "facebook", "utm_term": "shoes" },
                "clicks": { "gclid": "G", "fbclid": "F" },
                "fbp": "fb.1.2.3",
                "ip": "203.0.113.9",
                "user_agent": "Mozilla/5.0",
            },
        })
    }

    #[test]
    fn a_page_view_carries_all_that_a_session_is_known_by() {
        let viewed = event("browser_page", &body("page"));
        assert_eq!((viewed.name.as_str(), viewed.kind), ("PageView", Kind::Track));
        assert_eq!(viewed.time, "2026-03-10T14:02:30.5Z".parse().unwrap());
        assert_eq!(viewed.dedupe_id.as_deref(), Some("5f3c1a52-6a0e-4d7b-9c59-2f8f6b0f9a11"));
        assert_eq!((viewed.identifiers.len(), viewed.identifiers[0].value.as_str()), (1, CLUID));
        let mut session = context::BrowserContext::default();
        session.observe(&viewed.attributes, viewed.time, 1);
        assert_eq!(
            Value::Object(session.values()),
            json!({
                "url": "https://shop.example/a?b=c", "landing_page": "https://shop.example/?gclid=G",
                "utm_source": "facebook", "gclid": "G", "fbclid": "F", "fbp": "fb.1.2.3",
                "ip": "203.0.113.9", "user_agent": "Mozilla/5.0",
            })
        );
        let places: Vec<&str> = CONTEXT.iter().map(|(name, _)| *name).collect();
        assert!(context::FIELDS.iter().all(|field| places.contains(field)), "the tag tells all that is kept");
    }

    #[test]
    fn a_tracked_event_has_its_own_name_properties_and_id() {
        let mut body = body("track");
        body["name"] = json!("Purchase");
        body["properties"] =
            json!({ "value": "12.50", "currency": "EUR", "event_id": "pixel-7", "secret": "x" });
        let bought = event("browser_track", &body);
        assert_eq!(bought.name, "Purchase");
        assert_eq!(
            (&bought.attributes["value"], &bought.attributes["currency"]),
            (&json!(12.5), &json!("EUR"))
        );
        assert_eq!(bought.dedupe_id.as_deref(), Some("pixel-7"));
        assert!(!bought.attributes.contains_key("secret"));
    }

    #[test]
    fn who_a_visitor_is_and_what_they_agreed_to_is_of_the_person() {
        let mut told = body("identify");
        told["traits"] = json!({ "user_id": "42", "email": "Nadia@Example.com", "first_name": "Nadia", "phone": "+1 404-555-0142" });
        let known = event("browser_identify", &told);
        let kinds: Vec<&str> = known.identifiers.iter().map(|identifier| identifier.kind.as_str()).collect();
        assert_eq!((known.kind, kinds), (Kind::Identify, vec!["cluid", "external_id:user", "email"]));
        assert_eq!(
            (&known.traits["first_name"], &known.traits["phone"]),
            (&json!("Nadia"), &json!("+14045550142"))
        );

        let mut agreed = body("consent");
        agreed["consents"] = json!({ "ad_storage": "granted", "analytics": false });
        let agreed = event("browser_identify", &agreed);
        assert_eq!(Value::Object(agreed.consents), json!({ "ad_storage": "granted", "analytics": false }));
    }

    #[test]
    fn each_takes_its_own_kind_only() {
        for preset in Tag.presets() {
            for kind in ["page", "track", "identify", "consent", "reset"] {
                let mut body = body(kind);
                body["name"] = json!("x");
                let own =
                    kind == preset.provider_event || (preset.key == "browser_identify" && kind == "consent");
                match run(preset.key, &body) {
                    RunOutcome::Events(_) => assert!(own, "{} takes {kind}", preset.key),
                    RunOutcome::Stopped(status, _) => {
                        assert_eq!(
                            (own, status),
                            (false, RunStatus::FilterConditionFailed),
                            "{}",
                            preset.key
                        );
                    }
                }
            }
        }
    }
}
