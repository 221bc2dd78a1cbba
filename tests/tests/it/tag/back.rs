//! A page that the visitor goes back to, as the browser kept it: it is not loaded again.

use serde_json::{Value, json};
use tributary_tests::{Page, eventually};

use super::{Scene, assert_unharmed, id_of};

const LINK: &str = "<a id=link href='https://calendly.com/x'>book</a>";

/// Somebody who agreed, on a page whose view was taken; and their id.
async fn agreed(scene: &Scene) -> (tributary_tests::Visitor, Page, String) {
    scene.page("/", LINK);
    scene.site.page("/elsewhere", "", "");
    let (visitor, page) = scene.visit("/?gclid=G").await;
    page.until("the tag is there", "window.tributary && !!window.tributary.track").await;
    page.eval("tributary.consent('granted'); 1").await;
    let id = id_of(&page).await;
    scene.front.event("page", "").await;
    page.until("all is sent", "!localStorage._trb_queue").await;
    page.eval("window.isSame = true").await;
    (visitor, page, id)
}

/// Goes back; the page is the one that was left.
async fn back(page: &Page) {
    page.eval("history.back(); 1").await;
    page.until("the page is there again", "location.pathname === '/' && !!window.tributary").await;
    assert_eq!(page.eval("window.isSame").await, json!(true), "it was not kept: {:?}", page.not_kept());
}

fn views(scene: &Scene) -> Vec<Value> {
    scene.front.events().into_iter().filter(|event| event["type"] == "page").collect()
}

#[tokio::test]
async fn a_page_that_is_gone_back_to_is_another_view_of_the_same_visitor() {
    let Some(scene) = Scene::new(json!({"consent": "wait"})).await else { return };
    let (_visitor, page, id) = agreed(&scene).await;
    // What was not sent yet as the page was left is sent once.
    page.eval("tributary.track('Left'); 1").await;
    scene.front.event("track", "Left").await;
    page.until("all is sent", "!localStorage._trb_queue").await;
    page.go(&scene.site.url("/elsewhere")).await;
    back(&page).await;
    eventually("the page is viewed again", async || (views(&scene).len() == 2).then_some(())).await;
    assert!(views(&scene).iter().all(|view| view["cluid"] == json!(id)));
    page.eval("tributary.track('Back'); 1").await;
    scene.front.event("track", "Back").await;
    let left = scene.front.events().iter().filter(|event| event["name"] == "Left").count();
    assert_eq!((left, page.text("link.href").await), (1, format!("https://calendly.com/x?utm_term={id}")));
    assert_unharmed(&page).await;
}

#[tokio::test]
async fn a_page_that_is_gone_back_to_knows_what_was_said_on_another() {
    let Some(scene) = Scene::new(json!({"consent": "wait"})).await else { return };
    let (visitor, page, id) = agreed(&scene).await;
    // The visitor says no on the page that they go to.
    scene.page("/no", "");
    page.go(&scene.site.url("/no")).await;
    assert_eq!(id_of(&page).await, id);
    page.eval("tributary.consent('denied'); 1").await;
    let sent = scene.front.events().len();
    page.until("the server is told", "tributary.cluid() === undefined").await;
    back(&page).await;
    page.until("the page has forgotten", "tributary.cluid() === undefined").await;
    page.eval("tributary.track('After'); 1").await;
    page.until("timers have come", "new Promise((done) => setTimeout(() => done(true), 400))").await;
    assert_eq!(page.text("link.href").await, "https://calendly.com/x");
    assert!(visitor.cookies().await.is_empty());
    // No page view of who came back, and nothing else but that they said no.
    let events = scene.front.events();
    assert!(events.len() <= sent + 1 && events.iter().all(|event| event["name"] != "After"), "{events:?}");
    assert_unharmed(&page).await;
}
