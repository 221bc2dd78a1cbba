//! Events on their way to platforms, which refuse what the real ones would.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tributary_proto::admin::v1::{
    self as pb, CreateDestinationRequest, Delivery, GetDestinationRequest, UpdateDestinationRequest,
    delivery::State,
    destination::{State as DestinationState, credential::State as CredentialState},
};
use tributary_tests::{
    ACCOUNT, Booking, CLIENT_ID, CREDENTIAL, Database, Destination, Platforms, Server, ServerBuilder, Spec,
    Tenant, databases, eventually, to_struct,
};

use crate::cli::ask;

pub(crate) const NAMES: [&str; 8] =
    ["meta", "ga4", "tiktok", "linkedin", "klaviyo", "hubspot", "slack", "google_ads"];

/// Settings with which a platform can be reached, and the name of its secret.
pub(crate) fn settings(platform: &str, url: &str) -> (Value, &'static str) {
    match platform {
        "meta" => {
            (json!({"dataset_id": ACCOUNT, "base_url": url, "test_event_code": "TEST1"}), "access_token")
        }
        "ga4" => (json!({"measurement_id": format!("G-{ACCOUNT}"), "base_url": url}), "api_secret"),
        "tiktok" => (json!({"event_source_id": ACCOUNT, "base_url": url}), "access_token"),
        "linkedin" => {
            (json!({"conversions": {"Purchase": "7", "Schedule": "8"}, "base_url": url}), "access_token")
        }
        "klaviyo" => (json!({"base_url": url}), "api_key"),
        "hubspot" => {
            let properties = json!({"last_event": "{{ $.data.name }} {{ $.data.reason }}"});
            (json!({"properties": properties, "base_url": url}), "access_token")
        }
        "slack" => (json!({"text": "{{ $.data.name }} of {{ $.data.traits.first_name }}"}), "webhook_url"),
        "google_ads" => {
            let settings = json!({
                "customer_id": ACCOUNT, "conversions": {"Purchase": "7", "Schedule": "8"}, "client_id": CLIENT_ID,
                "base_url": url, "token_url": format!("{url}/token"),
            });
            (settings, "refresh_token")
        }
        other => panic!("no platform {other}"),
    }
}

pub(crate) fn secrets(platform: &str, url: &str, credential: &str) -> BTreeMap<String, String> {
    let (_, name) = settings(platform, url);
    let value = match platform {
        "slack" => format!("{url}/services/T1/B1/{credential}"),
        _ => credential.to_owned(),
    };
    let client = (platform == "google_ads").then(|| ("client_secret".to_owned(), CREDENTIAL.to_owned()));
    client.into_iter().chain([(name.to_owned(), value)]).collect()
}

pub(crate) async fn connect(
    server: &Server,
    tenant: &Tenant,
    platform: &str,
    url: &str,
    credential: &str,
) -> Destination {
    let (settings, _) = settings(platform, url);
    let destination = pb::Destination {
        key: platform.to_owned(),
        display_name: platform.to_owned(),
        platform: platform.to_owned(),
        settings: Some(to_struct(&settings)),
        secrets: secrets(platform, url, credential),
        ..Default::default()
    };
    let request = CreateDestinationRequest {
        parent: tenant.name.clone(),
        destination: Some(destination),
        ..Default::default()
    };
    let made = server.api().destinations().create_destination(request).await.expect("a destination");
    Destination { name: made.into_inner().name }
}

/// Every delivery, once each was tried.
async fn tried(server: &Server, tenant: &Tenant, count: usize) -> Vec<Delivery> {
    eventually(format!("{count} deliveries were tried"), async || {
        let all = server.deliveries(tenant).await;
        (all.len() == count && all.iter().all(|delivery| delivery.attempt_count > 0)).then_some(all)
    })
    .await
}

pub(crate) fn purchase() -> Spec {
    Spec::track("Purchase")
        .identifier("email", "$.email")
        .identifier("phone", "$.phone")
        .identifier("ga_client_id", "$.ga")
        .user_trait("first_name", "$.first")
        .user_trait("last_name", "$.last")
        .user_trait("country", "$.country")
        .attribute("value", "$.total")
        .attribute("currency", "$.currency")
        .attribute("order_id", "$.order")
}

fn order() -> String {
    json!({
        "email": "Nadia.Okafor@Example.com", "phone": "+1 404-555-0142", "ga": "GA1.1.554581488.1683172875",
        "first": "Nadia", "last": "O'Kafor", "country": "US", "total": "49.90", "currency": "USD", "order": "o-1",
    })
    .to_string()
}

#[tokio::test]
async fn every_platform_takes_an_event() {
    for database in databases() {
        println!("on {}", database.kind());
        let server = ServerBuilder::on(database).start().await;
        let platforms = Platforms::start().await;
        let tenant = server.tenant("acme").await;
        let source = server.custom(&tenant, "shop").await;
        server.published(&source, "orders", purchase()).await;
        for platform in NAMES {
            connect(&server, &tenant, platform, &platforms.url(), CREDENTIAL).await;
        }
        let message = server.post(&source, order()).await.accepted();
        let deliveries = tried(&server, &tenant, NAMES.len()).await;
        for platform in NAMES {
            let calls = platforms.calls(platform);
            assert!(calls.len() == 1 && calls[0].wrong.is_empty(), "{platform}: {calls:?}");
        }
        assert!(deliveries.iter().all(|one| one.state() == State::Delivered), "{deliveries:?}");

        let of = |platform: &str| platforms.calls(platform).remove(0).body;
        // SHA-256 of `nadia.okafor@example.com`.
        let email = "b9c845906d33923f1a5a7a4f294e00f2d51aa8f814148abd4ed45d7a49ddf90a";
        let meta = &of("meta")["data"][0];
        assert_eq!(
            (&meta["event_name"], &meta["action_source"]),
            (&json!("Purchase"), &json!("system_generated"))
        );
        assert_eq!(meta["user_data"]["em"], json!([email]));
        assert_eq!(of("meta")["test_event_code"], json!("TEST1"));
        let ga4 = of("ga4");
        assert_eq!(
            (&ga4["client_id"], &ga4["events"][0]["name"]),
            (&json!("554581488.1683172875"), &json!("purchase"))
        );
        assert_eq!(of("tiktok")["data"][0]["user"]["email"], json!([email]));
        let google = &of("google_ads")["events"][0];
        assert_eq!(google["userData"]["userIdentifiers"][0], json!({"emailAddress": email}));
        assert_eq!((&google["conversionValue"], &google["currency"]), (&json!(49.9), &json!("USD")));
        assert_eq!(of("linkedin")["elements"][0]["conversionValue"]["amount"], json!("49.9"));
        assert_eq!(of("klaviyo")["data"]["attributes"]["value"], json!(49.9));
        assert_eq!(of("hubspot")["inputs"][0]["properties"]["last_event"], json!("Purchase "));
        assert_eq!(of("slack"), json!({"text": "Purchase of Nadia"}));

        // What is known of a person before it is sent, and what no trace may hold.
        let tested = ask(&server, "workflows", &["test", "orders", "--message", &message]).remove(0);
        let of_meta =
            tested["deliveries"].as_array().expect("deliveries").iter().find(|one| one["platform"] == "meta");
        let of_meta = of_meta.expect("one to meta");
        assert_eq!(of_meta["matchQuality"]["score"], json!(51), "{of_meta}");
        assert_eq!(of_meta["matchQuality"]["missing"][0]["name"], json!("fbc"));
        assert!(!tested.to_string().contains(CREDENTIAL) && !server.log().contains(CREDENTIAL));
    }
}

#[tokio::test]
async fn a_credential_that_is_not_valid_any_more_keeps_events_until_there_is_another() {
    let server = ServerBuilder::on(Database::sqlite()).start().await;
    let platforms = Platforms::start().await;
    let tenant = server.tenant("acme").await;
    let source = server.custom(&tenant, "shop").await;
    server.published(&source, "orders", purchase()).await;
    // Google does not say that a secret is wrong.
    let names = NAMES.map(|name| if name == "ga4" { "meta" } else { name });
    let mut destinations = Vec::new();
    for platform in names.into_iter().skip(1) {
        destinations.push((platform, connect(&server, &tenant, platform, &platforms.url(), "revoked").await));
    }
    server.post(&source, order()).await.accepted();
    let deliveries = tried(&server, &tenant, destinations.len()).await;
    for delivery in &deliveries {
        assert_eq!(delivery.state(), State::Pending, "{delivery:?}");
        let attempts = server.delivery(&delivery.name).await.attempts;
        assert_eq!(attempts[0].outcome, "HELD", "{attempts:?}");
        assert!(!delivery.last_error.contains("revoked"), "{}", delivery.last_error);
    }
    for (platform, destination) in &destinations {
        let now = eventually("what is wrong with the credential is told", async || {
            let now = GetDestinationRequest { name: destination.name.clone() };
            let now =
                server.api().destinations().get_destination(now).await.expect("a destination").into_inner();
            let state = now.credential.as_ref().expect("a credential").state();
            (state == CredentialState::Revoked).then_some(now)
        })
        .await;
        assert_eq!(now.state(), DestinationState::Enabled, "{platform}");
        assert!(!now.credential.as_ref().expect("a credential").reason.is_empty(), "{platform}");
        let secrets = secrets(platform, &platforms.url(), CREDENTIAL);
        let request = UpdateDestinationRequest {
            destination: Some(pb::Destination { secrets, ..now }),
            update_mask: Some(prost_types::FieldMask { paths: vec!["secrets".to_owned()] }),
        };
        let now = server.api().destinations().update_destination(request).await.expect("it is changed");
        let state = now.into_inner().credential.expect("a credential").state();
        assert_eq!(state, CredentialState::Unknown, "{platform}: nothing is known of the new one");
        platforms.taken(platform, 1).await;
    }
    server.delivered(&tenant, destinations.len()).await;
}

#[tokio::test]
async fn what_became_of_a_booking_is_told_where_it_can_be_and_said_where_it_cannot() {
    let server = ServerBuilder::on(Database::sqlite()).start().await;
    let platforms = Platforms::start().await;
    let (tenant, source, _) = server.bookings().await;
    for platform in NAMES {
        connect(&server, &tenant, platform, &platforms.url(), CREDENTIAL).await;
    }
    let made = Booking::new(1).email("ann@example.com").booked_now();
    for booking in [made.clone(), made.with("/event", json!("invitee.canceled"))] {
        let message = server.post(&source, booking.body()).await.accepted();
        server.processed(&message).await;
    }
    let deliveries = tried(&server, &tenant, 2 * NAMES.len()).await;
    let failed: Vec<&Delivery> = deliveries.iter().filter(|one| one.state() == State::Failed).collect();
    assert_eq!(failed.len(), 5, "{failed:?}");
    for name in ["Meta Conversions API", "TikTok Events API", "LinkedIn Conversions API", "Google Ads"] {
        let told = format!("{name} cannot be told what became of an event");
        assert!(failed.iter().any(|one| one.last_error == told), "{told}: {failed:?}");
    }
    assert!(
        failed.iter().any(|one| one.last_error.contains("takes back nothing but purchases")),
        "{failed:?}"
    );
    for platform in NAMES {
        let calls = platforms.calls(platform);
        let expected = if ["klaviyo", "hubspot", "slack"].contains(&platform) { 2 } else { 1 };
        assert!(
            calls.len() == expected && calls.iter().all(|call| call.wrong.is_empty()),
            "{platform}: {calls:?}"
        );
    }
    let metrics = platforms.calls("klaviyo").into_iter().map(|call| {
        call.body["data"]["attributes"]["metric"]["data"]["attributes"]["name"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    });
    assert_eq!(metrics.collect::<Vec<_>>(), ["Schedule", "Schedule Cancelled"]);
    let noted =
        |nth: usize| platforms.calls("hubspot")[nth].body["inputs"][0]["properties"]["last_event"].clone();
    assert_eq!((noted(0), noted(1)), (json!("Schedule "), json!("Schedule cancelled")));
}
