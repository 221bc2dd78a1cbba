//! From an ad to the booking: what the tag is for.

use serde_json::json;
use tributary_tests::{Browser, Database, Scheduler, ServerBuilder, Sink, databases, eventually};

use super::{Scene, assert_unharmed, id_of, scripts::GUIDE};

const EMAIL: &str = "nadia.okafor@brightwater-studio.example";

/// Somebody comes by an ad, books, and is one person with their session.
async fn books(database: Database, settings: serde_json::Value) {
    println!("on {}", database.kind());
    let server = ServerBuilder::on(database).start().await;
    let tenant = server.tenant("shop").await;
    let calendly = server.calendly(&tenant, "calendly").await;
    server.preset(&calendly, "bookings").await;
    let scheduler = Scheduler::start(server.http(), &calendly, EMAIL).await;
    let Some(browser) = Browser::start(&[scheduler.place()]) else { return };
    let scene = Scene::at(server, tenant, browser, settings).await;
    for key in ["browser_page", "browser_identify"] {
        scene.server.published(&scene.tag, key, scene.server.preset_spec("tag", key).await).await;
    }
    let sink = Sink::start().await;
    scene.server.destination(&scene.tenant, "crm", &sink).await;
    scene.page("/", "<a id=book href='https://calendly.com/acme/call'>book</a>");

    let (visitor, page) = scene.visit("/?fbclid=F&gclid=G&utm_source=ads&utm_term=shoes").await;
    let id = id_of(&page).await;
    page.until("the link carries the id", &format!("book.href.endsWith('?utm_term={id}')")).await;
    assert_unharmed(&page).await;
    page.click("#book").await;
    page.until(
        "the scheduler is there",
        "location.host === 'calendly.com' && document.querySelector('button')",
    )
    .await;
    page.click("button").await;
    let message = page.until("it is booked", "document.querySelector('#booked').textContent").await;
    let message = message.as_str().expect("a message").to_owned();

    // What was booked is of the visitor who came by the ad.
    let booked = scene.server.trace(&message).await;
    let told =
        booked.message.as_ref().and_then(|message| message.cluid.as_ref()).expect("what the source found");
    assert_eq!(told.value, id);
    let profile = scene.server.lookup(&scene.tenant, "email", EMAIL).await.expect("a person");
    assert_eq!(scene.server.lookup(&scene.tenant, "cluid", &id).await.as_ref(), Some(&profile));

    // And so is the visit: it is an event of the same person, and the booking leaves with what is known of it.
    let view = scene.front.event("page", "").await;
    assert_eq!(
        (&view["cluid"], &view["context"]["clicks"]),
        (&json!(id), &json!({"fbclid": "F", "gclid": "G"}))
    );
    let viewed = eventually("the page view is processed", async || {
        let events = scene.server.events(&scene.tenant).await;
        events.into_iter().find(|event| event.event_name == "PageView")
    })
    .await;
    let schedule =
        scene.server.events(&scene.tenant).await.into_iter().find(|event| event.event_name == "Schedule");
    assert_eq!((&viewed.profile, &schedule.expect("an event").profile), (&profile.name, &profile.name));
    let received = eventually("both are delivered", async || {
        let received = sink.received();
        let of = |name: &str| received.iter().find(|one| one.body["data"]["name"] == name).cloned();
        Some([of("PageView")?, of("Schedule")?])
    })
    .await;
    let [viewed, booked] = received.map(|one| one.body["data"].clone());
    assert_eq!(viewed["profile_id"], booked["profile_id"]);
    for (name, value) in [("fbclid", "F"), ("gclid", "G"), ("utm_source", "ads")] {
        assert_eq!(booked["context"][name], json!(value), "{booked}");
    }
    // The server set the cookie too, for the client's own domain.
    let cookies = visitor.cookies().await;
    let own: Vec<_> = cookies.iter().filter(|(name, _)| name == "_trb_cluid").collect();
    assert_eq!(own.len(), 1, "{cookies:?}");
    assert_eq!((&own[0].1["value"], &own[0].1["domain"]), (&json!(id), &json!(".shop.test")));
}

#[tokio::test]
async fn a_click_on_a_link_becomes_a_booking_of_the_visitor() {
    for database in databases() {
        Box::pin(books(database, json!({}))).await;
    }
}

#[tokio::test]
async fn a_click_on_a_link_of_the_guides_script_does_too() {
    let scripts = json!([{"name": "calendly_integration", "code": GUIDE}]);
    Box::pin(books(Database::sqlite(), json!({"decorate": [], "scripts": scripts}))).await;
}
