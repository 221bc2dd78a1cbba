//! A browser session, then a booking with its cluid: one request to each platform, with what both know of the person.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tributary_tests::{Booking, CREDENTIAL, Platforms, cluid, databases};

use crate::{
    collect::{BROWSER, Scene, VISITOR},
    platforms::{NAMES, connect},
};

const PAGE: &str = "https://shop.example/book";
const REFERRER: &str = "https://www.example.com/";
const FBP: &str = "fb.1.1773151350512.1234567890";
/// Ids of clicks keep their capitals.
const FBCLID: &str = "IwAR2F4-dbP0l7Mn1IawQQGCINEz7PYXQvwjNwB_qa2ofrHyiLjcbCRxTDMgk";
const TTCLID: &str = "E.C.P.CvoBnFEGg5n1JLu";
const LI_FAT_ID: &str = "df5a8bd6-08f7-402c-8ae0-0a9c2d5c3f1b";
const TTP: &str = "94e2a4j9-h3ss-k5s5-98cc-c84n745mk2f3";

/// As a tag tells of somebody who came by ads of several platforms.
fn visit() -> Value {
    json!({
        "type": "page", "id": "a", "cluid": cluid(1),
        "context": {
            "page": { "url": PAGE, "referrer": REFERRER },
            "landing": "https://shop.example/?fbclid=F",
            "campaign": { "utm_source": "facebook" },
            "clicks": { "fbclid": FBCLID, "gclid": "Cj0KCQ", "ttclid": TTCLID, "li_fat_id": LI_FAT_ID },
            "fbp": FBP, "ttp": TTP, "ga_client_id": "GA1.1.554581488.1683172875",
        },
    })
}

fn hash(value: &str) -> String {
    hex::encode(Sha256::digest(value))
}

#[tokio::test]
async fn every_platform_hears_of_a_booking_with_what_the_session_knew() {
    for database in databases() {
        let scene = Scene::on(database).await;
        let platforms = Platforms::start().await;
        scene.taken(&[visit()]).await;
        // Only now: the visit itself goes to none of them.
        for platform in NAMES {
            connect(&scene.server, &scene.tenant, platform, &platforms.url(), CREDENTIAL).await;
        }
        let booking = Booking::new(1)
            .email("Ann.Lee@Example.com")
            .with("/payload/name", json!("Ann Lee"))
            .with("/payload/text_reminder_number", json!("+1 404-555-0142"))
            .cluid(&cluid(1))
            .booked_now();
        let id = booking.value("/payload/uri");
        let message = scene.server.post(&scene.bookings, booking.body()).await.accepted();
        scene.server.processed(&message).await;

        let mut told = Vec::new();
        for platform in NAMES {
            told.push((platform, platforms.taken(platform, 1).await));
        }
        scene.server.delivered(&scene.tenant, NAMES.len() + 2).await;
        for (platform, _) in &told {
            let calls = platforms.calls(platform);
            assert!(calls.len() == 1 && calls[0].wrong.is_empty(), "{platform}: {calls:?}");
        }
        let of =
            |platform: &str| told.iter().find(|one| one.0 == platform).expect("a platform").1[0].body.clone();
        of_meta(&of("meta")["data"], &id);
        of_tiktok(&of("tiktok")["data"], &id);
        of_linkedin(&of("linkedin")["elements"], &id);
        of_ga4(&of("ga4"));
        of_google_ads(&of("google_ads")["events"], &id);
        of_klaviyo(&of("klaviyo")["data"]["attributes"], &id);
        let hubspot = json!([{
            "id": "ann.lee@example.com", "idProperty": "email",
            "properties": {
                "email": "ann.lee@example.com", "phone": "+14045550142", "firstname": "Ann", "lastname": "Lee",
                "last_event": "Schedule ",
            },
        }]);
        assert_eq!(of("hubspot")["inputs"], hubspot);
        assert_eq!(of("slack"), json!({"text": "Schedule of Ann"}));
    }
}

fn of_meta(data: &Value, id: &Value) {
    assert_eq!(data.as_array().map(Vec::len), Some(1));
    let event = &data[0];
    // The click is known by its id alone, and the cookie is made of it: with the time of the event.
    let millis = event["event_time"].as_i64().expect("a time") * 1_000;
    let user = json!({
        "em": [hash("ann.lee@example.com")], "ph": [hash("14045550142")], "fn": hash("ann"), "ln": hash("lee"),
        "external_id": [hash(&cluid(1))],
        "fbc": format!("fb.1.{millis}.{FBCLID}"), "fbp": FBP,
        "client_ip_address": VISITOR, "client_user_agent": BROWSER,
    });
    assert_eq!(event["user_data"], user);
    let around = json!(["Schedule", "website", PAGE, REFERRER, id]);
    let fields = ["event_name", "action_source", "event_source_url", "referrer_url", "event_id"];
    assert_eq!(json!(fields.map(|field| event[field].clone())), around);
}

fn of_tiktok(data: &Value, id: &Value) {
    assert_eq!(data.as_array().map(Vec::len), Some(1));
    let event = &data[0];
    let user = json!({
        "email": [hash("ann.lee@example.com")], "phone": [hash("+14045550142")], "external_id": [hash(&cluid(1))],
        "first_name": hash("ann"), "last_name": hash("lee"),
        "ttclid": TTCLID, "ttp": TTP, "ip": VISITOR, "user_agent": BROWSER,
    });
    assert_eq!(event["user"], user);
    assert_eq!(event["page"], json!({"url": PAGE, "referrer": REFERRER}));
    assert_eq!((&event["event"], &event["event_id"]), (&json!("Schedule"), id));
}

fn of_linkedin(elements: &Value, id: &Value) {
    assert_eq!(elements.as_array().map(Vec::len), Some(1));
    let event = &elements[0];
    let user = json!({
        "userIds": [
            {"idType": "SHA256_EMAIL", "idValue": hash("ann.lee@example.com")},
            {"idType": "LINKEDIN_FIRST_PARTY_ADS_TRACKING_UUID", "idValue": LI_FAT_ID},
        ],
        "userInfo": {"firstName": "Ann", "lastName": "Lee"},
    });
    assert_eq!(event["user"], user);
    assert_eq!((&event["conversion"], &event["eventId"]), (&json!("urn:lla:llaPartnerConversion:8"), id));
}

fn of_ga4(body: &Value) {
    assert_eq!((&body["client_id"], &body["ip_override"]), (&json!("554581488.1683172875"), &json!(VISITOR)));
    let data = json!({
        "sha256_email_address": [hash("ann.lee@example.com")], "sha256_phone_number": [hash("+14045550142")],
        "address": [{"sha256_first_name": hash("ann"), "sha256_last_name": hash("lee")}],
    });
    assert_eq!(body["user_data"], data);
    let params = &body["events"][0]["params"];
    assert_eq!((&params["page_location"], &params["page_referrer"]), (&json!(PAGE), &json!(REFERRER)));
    assert_eq!(body["events"].as_array().map(Vec::len), Some(1));
}

fn of_google_ads(events: &Value, id: &Value) {
    assert_eq!(events.as_array().map(Vec::len), Some(1));
    let event = &events[0];
    let person = json!([
        {"emailAddress": hash("ann.lee@example.com")}, {"phoneNumber": hash("+14045550142")},
    ]);
    assert_eq!(event["userData"]["userIdentifiers"], person);
    assert_eq!(event["adIdentifiers"], json!({"gclid": "Cj0KCQ"}));
    assert_eq!(event["eventDeviceInfo"], json!({"userAgent": BROWSER}));
    assert_eq!((&event["eventSource"], &event["transactionId"]), (&json!("WEB"), id));
}

fn of_klaviyo(attributes: &Value, id: &Value) {
    assert_eq!(&attributes["unique_id"], id);
    let profile = &attributes["profile"]["data"]["attributes"];
    let fields = ["email", "phone_number", "first_name", "last_name", "anonymous_id"];
    let known = json!(["ann.lee@example.com", "+14045550142", "Ann", "Lee", cluid(1)]);
    assert_eq!(json!(fields.map(|field| profile[field].clone())), known);
}
