//! What a visitor allows.

use serde_json::{Value, json};
use tributary_tests::Page;

use super::{Scene, assert_unharmed, id_of};

const LINK: &str = "<a id=link href='https://calendly.com/x'>book</a>";

/// All that a browser keeps of a visitor.
async fn kept(page: &Page) -> Value {
    page.eval("[document.cookie, Object.keys(localStorage).sort(), Object.keys(sessionStorage)]").await
}

fn nothing() -> Value {
    json!(["", [], []])
}

/// Waits until the tag is there, and a timer of the page that was set after the tag's own has come: had the tag anything to
/// send, it would have been sent.
async fn settled(page: &Page) {
    page.until("the tag is there", "window.tributary && !!window.tributary.track").await;
    page.until("the tag's timers have come", "new Promise((done) => setTimeout(() => done(true), 400))")
        .await;
}

#[tokio::test]
async fn without_consent_nothing_is_stored_and_nothing_sent() {
    let script = json!([{"name": "mine", "code": "window.ran = true"}]);
    let Some(scene) = Scene::new(json!({"consent": "wait", "scripts": script})).await else { return };
    scene.page("/", LINK);
    for answer in
        ["undefined", "tributary.consent('denied')", "tributary.consent({ads: false, analytics: false})"]
    {
        let (visitor, page) = scene.visit("/?gclid=G").await;
        page.until("the tag is there", "window.tributary && !!window.tributary.track").await;
        page.eval(&format!(
            "{answer}; tributary.track('Lead'); tributary.identify('1', {{email: 'a@b.test'}}); 1"
        ))
        .await;
        settled(&page).await;
        assert_eq!(kept(&page).await, nothing(), "{answer}");
        assert!(visitor.cookies().await.is_empty(), "{answer}");
        assert_eq!(page.text("link.href").await, "https://calendly.com/x");
        assert_eq!(
            page.eval("[window.CLabsgbVar, window.ran, tributary.cluid()]").await,
            json!([null, null, null])
        );
        let sent: Vec<String> = page.requests().into_iter().filter(|url| url.contains("/collect/")).collect();
        assert_eq!(sent, Vec::<String>::new(), "{answer}");
        assert_unharmed(&page).await;
    }
    assert!(scene.front.collected().is_empty());
}

#[tokio::test]
async fn what_waited_is_sent_once_the_visitor_agrees_and_they_are_asked_once() {
    let Some(scene) = Scene::new(json!({"consent": "wait"})).await else { return };
    scene.page("/", LINK);
    let (visitor, page) = scene.visit("/?gclid=G&utm_source=ads").await;
    settled(&page).await;
    page.eval(
        "tributary.track('Early', {step: 1}); tributary.consent({analytics: true, marketing: false}); 1",
    )
    .await;
    let id = id_of(&page).await;
    let consent = scene.front.event("consent", "").await;
    let choice = json!({"analytics": true, "marketing": false});
    assert_eq!((&consent["cluid"], &consent["consents"]), (&json!(id), &choice));
    let early = scene.front.event("track", "Early").await;
    assert_eq!((&early["cluid"], &early["consents"]), (&json!(id), &choice));
    assert_eq!(early["context"]["clicks"], json!({"gclid": "G"}), "the address of before is not lost");
    assert_eq!(scene.front.event("page", "").await["cluid"], json!(id));
    page.until("the link carries the id", &format!("link.href === 'https://calendly.com/x?utm_term={id}'"))
        .await;

    // The banner of the next page says the same again.
    let sent = scene.front.events().len();
    let page = visitor.open(&scene.site.url("/")).await;
    assert_eq!(id_of(&page).await, id);
    page.eval("tributary.consent({analytics: true, marketing: false}); tributary.track('Later'); 1").await;
    let later = scene.front.event("track", "Later").await;
    assert_eq!((&later["cluid"], &later["consents"]), (&json!(id), &choice));
    let again = scene.front.events().split_off(sent);
    assert!(again.iter().all(|event| event["type"] != "consent"), "{again:?}");
}

#[tokio::test]
async fn what_is_said_before_the_tag_is_there_counts_from_the_first() {
    let Some(scene) = Scene::new(json!({})).await else { return };
    let head = format!(
        "<script>window.tributary = [['track', 'Lead'], ['consent', 'denied']];</script>{}",
        scene.snippet()
    );
    scene.site.page("/", &head, LINK);
    let (visitor, page) = scene.visit("/").await;
    settled(&page).await;
    assert_eq!(page.eval("tributary.cluid()").await, Value::Null);
    assert!(scene.front.collected().is_empty());
    // Where nothing has to be asked first, a no is all that is remembered.
    let no = "_trb_consent=%7B%22marketing%22%3Afalse%2C%22analytics%22%3Afalse%7D";
    assert_eq!(kept(&page).await, json!([no, ["_trb_consent"], []]));
    assert_eq!(visitor.cookies().await.len(), 1);
    scene.page("/next", LINK);
    let page = visitor.open(&scene.site.url("/next")).await;
    settled(&page).await;
    assert_eq!(page.eval("tributary.cluid()").await, Value::Null);
    assert!(scene.front.collected().is_empty());
}

#[tokio::test]
async fn who_withdraws_is_forgotten_and_the_server_told() {
    let Some(scene) = Scene::new(json!({"consent": "wait"})).await else { return };
    scene.page("/", LINK);
    let (visitor, page) = scene.visit("/?gclid=G").await;
    settled(&page).await;
    page.eval("tributary.consent('granted'); 1").await;
    let id = id_of(&page).await;
    scene.front.event("page", "").await;
    // Another tab of theirs.
    let other = visitor.open(&scene.site.url("/")).await;
    assert_eq!(id_of(&other).await, id);

    page.eval("tributary.track('Unsent'); tributary.consent('denied'); tributary.track('After'); 1").await;
    let denied = json!({"analytics": false, "marketing": false});
    let told = tributary_tests::eventually("the server is told", async || {
        let events = scene.front.events();
        events.into_iter().find(|event| event["consents"] == denied)
    })
    .await;
    assert_eq!((&told["type"], &told["cluid"]), (&json!("consent"), &json!(id)));
    other.until("the other tab has forgotten too", "tributary.cluid() === undefined").await;
    settled(&page).await;
    assert_eq!(kept(&page).await, nothing());
    assert!(visitor.cookies().await.is_empty());
    assert_eq!(page.text("link.href").await, "https://calendly.com/x", "no link carries the id any more");
    assert_eq!(page.eval("CLabsgbVar.generalProps.uid").await, Value::Null);
    let names: Vec<Value> = scene.front.events().iter().map(|event| event["name"].clone()).collect();
    assert!(!names.contains(&json!("Unsent")) && !names.contains(&json!("After")), "{names:?}");
    let last = scene.front.collected().pop().expect("what was sent");
    assert!(!last.headers.contains_key("cookie"), "its answer sets no cookie again");

    // They may change their mind, and are somebody new.
    page.eval("tributary.consent('granted'); 1").await;
    assert_ne!(id_of(&page).await, id);
}

#[tokio::test]
async fn a_browser_that_wants_no_tracking_waits_for_its_visitor() {
    let Some(scene) = Scene::new(json!({})).await else { return };
    scene.page("/", LINK);
    let wants = "Object.defineProperty(navigator, 'globalPrivacyControl', { value: true });";
    let (visitor, page) = scene.visit_after("/", wants).await;
    settled(&page).await;
    assert_eq!(kept(&page).await, nothing());
    assert!(visitor.cookies().await.is_empty() && scene.front.collected().is_empty());
    page.eval("tributary.consent('granted'); 1").await;
    let id = id_of(&page).await;
    assert_eq!(scene.front.event("page", "").await["cluid"], json!(id));
}

/// What happens to a page that comes back as it was left.
const BACK: &str = "dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })); 1";

#[tokio::test]
async fn a_page_that_comes_back_knows_what_was_said_since() {
    let Some(scene) = Scene::new(json!({"consent": "wait"})).await else { return };
    scene.page("/", LINK);
    let (visitor, page) = scene.visit("/").await;
    settled(&page).await;
    page.eval("tributary.consent('granted'); 1").await;
    let id = id_of(&page).await;
    scene.front.event("page", "").await;
    // As another page leaves it, of which one that is not shown hears nothing.
    page.until("all is sent", "!localStorage._trb_queue").await;
    page.eval(
        "window.yes = [localStorage._trb_consent, document.cookie]; localStorage.clear();
         for (const name of ['_trb_cluid', '_trb_consent']) document.cookie = name + '=; domain=shop.test; path=/; max-age=0'; 1",
    )
    .await;
    let sent = scene.front.events().len();
    page.eval(BACK).await;
    page.eval("tributary.track('After'); 1").await;
    settled(&page).await;
    assert_eq!(page.eval("tributary.cluid()").await, Value::Null);
    assert_eq!(kept(&page).await, nothing());
    assert!(visitor.cookies().await.is_empty());
    assert_eq!(page.text("link.href").await, "https://calendly.com/x");
    assert_eq!(scene.front.events().len(), sent);

    // And the other way round.
    page.eval(
        "localStorage._trb_consent = yes[0];
         document.cookie = yes[1].match(/_trb_consent=[^;]+/)[0] + '; domain=shop.test; path=/'; 1",
    )
    .await;
    page.eval(BACK).await;
    assert_ne!(id_of(&page).await, id);
    tributary_tests::eventually("the page view of who agreed is sent", async || {
        (scene.front.events().len() > sent).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_no_of_before_anybody_was_asked_costs_no_page_view() {
    let Some(scene) = Scene::new(json!({"consent": "wait"})).await else { return };
    let head = format!("<script>window.tributary = [['consent', 'denied']];</script>{}", scene.snippet());
    scene.site.page("/", &head, LINK);
    let (_visitor, page) = scene.visit_after("/?gclid=G", "document.cookie = '_fbp=fb.1.1.2'").await;
    settled(&page).await;
    page.eval("tributary.track('Lost'); tributary.consent('denied'); 1").await;
    settled(&page).await;
    assert_eq!(kept(&page).await, json!(["_fbp=fb.1.1.2", [], []]));
    assert!(scene.front.collected().is_empty());
    page.eval("tributary.consent('granted'); tributary.track('End'); 1").await;
    scene.front.event("track", "End").await;
    let view = scene.front.event("page", "").await;
    assert_eq!(view["context"]["clicks"], json!({"gclid": "G"}));
    assert_eq!(view["context"]["fbp"], "fb.1.1.2", "cookies of others are read once they agreed");
    let kinds: Vec<Value> = scene.front.events().iter().map(|event| event["type"].clone()).collect();
    assert_eq!(kinds.len(), 3, "{kinds:?}");
}

#[tokio::test]
async fn what_waits_is_of_whom_used_the_browser_then() {
    let Some(scene) = Scene::new(json!({"consent": "wait"})).await else { return };
    scene.page("/", LINK);
    let (_visitor, page) = scene.visit("/").await;
    settled(&page).await;
    page.eval("tributary.identify('1', {email: 'a@b.test'}); tributary.reset(); 1").await;
    page.eval("tributary.identify('2'); tributary.consent('granted'); tributary.track('End'); 1").await;
    scene.front.event("track", "End").await;
    let mut events = scene.front.events();
    events.retain(|event| event["type"] == "identify");
    assert_eq!(events.iter().map(|event| &event["traits"]).collect::<Vec<_>>(), [&json!({"user_id": "2"})]);
}

#[tokio::test]
async fn a_no_holds_on_every_host_of_the_domain() {
    let Some(scene) = Scene::new(json!({"consent": "wait"})).await else { return };
    scene.page("/", LINK);
    let elsewhere = scene.site.url("/").replace("//www.", "//other.");
    let (visitor, page) = scene.visit("/").await;
    settled(&page).await;
    page.eval("tributary.consent('granted'); 1").await;
    let id = id_of(&page).await;
    let other = visitor.open(&elsewhere).await;
    assert_eq!(id_of(&other).await, id, "a yes holds there too");
    other.until("its page view is sent", "!localStorage._trb_queue").await;
    let closed = visitor.open(&elsewhere).await;
    assert_eq!(id_of(&closed).await, id);
    closed.until("its page view is sent", "!localStorage._trb_queue").await;

    let left = other.eval("JSON.stringify(localStorage)").await;
    page.eval("tributary.consent('denied'); 1").await;
    other.eval("tributary.track('After'); 1").await;
    other.until("the open page has forgotten", "tributary.cluid() === undefined").await;
    settled(&other).await;
    assert_eq!(kept(&other).await, nothing());
    assert!(scene.front.events().iter().all(|event| event["name"] != "After"));
    // One that was not open then.
    other.eval(&format!("Object.assign(localStorage, JSON.parse({left})); 1")).await;
    let again = visitor.open(&elsewhere).await;
    settled(&again).await;
    assert_eq!(kept(&again).await, nothing());
    again.eval("tributary.consent('granted'); 1").await;
    assert_ne!(id_of(&again).await, id);
}
