//! What people agreed to, and where their events go.

use serde_json::{Value, json};
use tributary_proto::admin::v1::{
    ConsentRule, Destination, Event, ListEventsRequest, LookupProfileRequest, TestWorkflowRequest,
    UpdateDestinationRequest, consent_rule::WhenUnknown, test_workflow_request::On,
    withheld_destination::Reason,
};

use crate::{
    destinations,
    logs::booking,
    support::{World, fields, mask},
    workflows,
};

const CLUID: &str = "trb_0123456789abcdefghjkmnpqrs";

fn rule(purposes: &[&str], unknown: WhenUnknown) -> ConsentRule {
    ConsentRule {
        purposes: purposes.iter().map(|purpose| (*purpose).to_owned()).collect(),
        when_unknown: unknown.into(),
    }
}

async fn set(
    world: &World,
    destination: &Destination,
    consent: Option<ConsentRule>,
) -> Result<Destination, tonic::Status> {
    let destination = Destination { consent, ..destination.clone() };
    let request =
        UpdateDestinationRequest { destination: Some(destination), update_mask: mask(&["consent"]) };
    Ok(world.destinations().update_destination(request).await?.into_inner())
}

/// A booking of Ann's that says this of marketing.
fn says(number: u32, marketing: Value) -> Value {
    let mut body = booking(number, "ann@example.com", CLUID);
    body["payload"]["marketing"] = marketing;
    // The later booking says the later thing.
    body["payload"]["created_at"] = json!(format!("2026-09-21T10:0{number}:00.000000Z"));
    body
}

#[tokio::test]
async fn an_event_goes_where_its_person_agreed_to_go() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let source = world.source(&tenant, "calendly").await.source.unwrap();
    let more = [("consents", "marketing", "$.payload.marketing")];
    let workflow = workflows::mapping_too(&world, &source, &more).await;
    let made = destinations::create(&world, &tenant).await;
    assert!(made.consent.is_none());
    let set = set(&world, &made, Some(rule(&["marketing"], WhenUnknown::Unspecified))).await.unwrap();
    assert_eq!(set.consent, Some(rule(&["marketing"], WhenUnknown::Deny)), "unknown is no yes");

    let test = async |body: &Value| {
        let request = TestWorkflowRequest {
            name: workflow.name.clone(),
            published: true,
            on: Some(On::Body(body.to_string())),
            ..Default::default()
        };
        world.workflows().test_workflow(request).await.unwrap().into_inner().deliveries.remove(0)
    };
    let newest = async || -> Event {
        let request = ListEventsRequest { parent: tenant.name.clone(), ..Default::default() };
        world.events().list_events(request).await.unwrap().into_inner().events.remove(0)
    };
    for (number, marketing, kept) in [
        (1, Value::Null, Some(Reason::ConsentUnknown)),
        (2, json!("yes"), None),
        // What is not said again still holds.
        (3, Value::Null, None),
        (4, json!(false), Some(Reason::ConsentDenied)),
        (5, Value::Null, Some(Reason::ConsentDenied)),
    ] {
        let body = says(number, marketing);
        let tested = test(&body).await;
        assert_eq!(tested.passes, kept.is_none(), "{number}: {tested:?}");
        world.commit(&source, u64::from(number), &body).await;
        let event = newest().await;
        let withheld = event.withheld_destinations;
        assert_eq!(withheld.first().map(|kept| kept.reason()), kept, "{number}");
        if let Some(withheld) = withheld.first() {
            assert_eq!((&withheld.destination, withheld.purpose.as_str()), (&made.name, "marketing"));
            assert_eq!(withheld.text, tested.reason);
            assert!(withheld.text.contains("`marketing`"), "{withheld:?}");
        }
    }
    let look = LookupProfileRequest {
        parent: tenant.name.clone(),
        identifier_type: "email".to_owned(),
        identifier_value: "ann@example.com".to_owned(),
    };
    let person = world.profiles().lookup_profile(look).await.unwrap().into_inner();
    assert_eq!(person.consents.keys().collect::<Vec<_>>(), ["marketing"]);
    assert!(!person.traits.keys().any(|name| name.contains("marketing")), "it is no trait");
}

#[tokio::test]
async fn what_is_wrong_with_a_rule_is_said_by_field() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let made = destinations::create(&world, &tenant).await;
    let long = "x".repeat(101);
    for (given, wrong) in [
        (rule(&[], WhenUnknown::Deny), vec!["destination.consent.purposes"]),
        (rule(&["a"; 21], WhenUnknown::Deny), vec!["destination.consent.purposes"; 21]),
        (
            rule(&["a", "", " a", &long, "a"], WhenUnknown::Allow),
            vec![
                "destination.consent.purposes[1]",
                "destination.consent.purposes[2]",
                "destination.consent.purposes[3]",
                "destination.consent.purposes[4]",
            ],
        ),
        (
            ConsentRule { when_unknown: 7, ..rule(&["a"], WhenUnknown::Deny) },
            vec!["destination.consent.when_unknown"],
        ),
    ] {
        let refused = set(&world, &made, Some(given)).await.unwrap_err();
        let found = fields(&refused);
        assert_eq!(found.len(), wrong.len(), "{found:?}");
        assert!(found.iter().zip(&wrong).all(|(found, wrong)| found.starts_with(wrong)), "{found:?}");
    }
    let set_one = set(&world, &made, Some(rule(&["a"], WhenUnknown::Allow))).await.unwrap();
    let without = set(&world, &set_one, None).await.unwrap();
    assert!(without.consent.is_none(), "a rule can be taken away");
}
