//! From an ad to the booking: what the tag is for.

use serde_json::json;
use tributary_tests::{Browser, Database, Scheduler, ServerBuilder, databases};

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
    scene.page("/", "<a id=book href='https://calendly.com/acme/call'>book</a>");

    let (_visitor, page) = scene.visit("/?fbclid=F&gclid=G&utm_source=ads&utm_term=shoes").await;
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

    let booked = scene.server.processed(&message).await;
    assert_eq!(booked.cluid.expect("what the source found").value, id);
    let profile = scene.server.lookup(&scene.tenant, "email", EMAIL).await.expect("a person");
    assert_eq!(scene.server.lookup(&scene.tenant, "cluid", &id).await.as_ref(), Some(&profile));
    let sent = scene.front.collected();
    let view = &sent.first().expect("the tag has sent").body["batch"][0];
    assert_eq!(
        (&view["cluid"], &view["context"]["clicks"]),
        (&json!(id), &json!({"fbclid": "F", "gclid": "G"}))
    );
}

#[tokio::test]
async fn a_click_on_a_link_becomes_a_booking_of_the_visitor() {
    for database in databases() {
        books(database, json!({})).await;
    }
}

#[tokio::test]
async fn a_click_on_a_link_of_the_guides_script_does_too() {
    let scripts = json!([{"name": "calendly_integration", "code": GUIDE}]);
    books(Database::sqlite(), json!({"decorate": [], "scripts": scripts})).await;
}
