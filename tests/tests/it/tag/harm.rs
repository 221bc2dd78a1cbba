//! Whatever happens, the page is unharmed.

use serde_json::{Value, json};

use super::{Scene, assert_unharmed, id_of};

/// What a page with a life of its own shows once it is well.
const BODY: &str = "<a id=link href='https://calendly.com/x'>x</a>
    <script>addEventListener('load', () => { window.works = true; });</script>";
const WELL: &str = "window.works === true";

#[tokio::test]
async fn a_browser_that_keeps_nothing_or_forbids_things_is_served_all_the_same() {
    let Some(scene) = Scene::new(json!({})).await else { return };
    scene.page("/", BODY);
    let denied = "() => { throw new DOMException('denied', 'SecurityError'); }";
    let cookies = format!("Object.defineProperty(document, 'cookie', {{ get: {denied}, set: {denied} }});");
    let storage = format!("Object.defineProperty(window, 'localStorage', {{ get: {denied} }});");
    for (what, script) in [
        ("no cookies", cookies.clone()),
        ("no storage", storage.clone()),
        ("neither", format!("{cookies}{storage}")),
        (
            "a full storage",
            "Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); };"
                .to_owned(),
        ),
        ("no beacon", "delete Navigator.prototype.sendBeacon;".to_owned()),
        (
            "no randomness",
            "delete window.crypto; Object.defineProperty(window, 'crypto', { value: undefined });".to_owned(),
        ),
        (
            "no observer of routes",
            "Object.defineProperty(window, 'navigation', { value: undefined });".to_owned(),
        ),
        (
            "a frozen object",
            "window.CLabsgbVar = Object.freeze({ generalProps: Object.freeze({}) });".to_owned(),
        ),
    ] {
        let (_visitor, page) = scene.visit_after("/", &script).await;
        page.until(format!("the page works with {what}"), WELL).await;
        let id = id_of(&page).await;
        page.until(format!("links are decorated with {what}"), &format!("link.href.endsWith('{id}')")).await;
        page.eval(&format!("tributary.track('{what}'); 1")).await;
        scene.front.event("track", what).await;
        assert_unharmed(&page).await;
    }
}

#[tokio::test]
async fn a_policy_of_the_page_is_obeyed_in_silence() {
    let Some(scene) = Scene::new(json!({"scripts": [{"name": "mine", "code": "window.mine = true"}]})).await
    else {
        return;
    };
    let tag = scene.front.origin();
    // It may run, and send nothing.
    let policy = format!("script-src 'unsafe-inline' {tag}; connect-src 'none'");
    scene.site.guarded("/mute", &policy, &scene.snippet(), BODY);
    let (_visitor, page) = scene.visit("/mute").await;
    page.until("the page works", WELL).await;
    let id = id_of(&page).await;
    page.until("links are decorated", &format!("link.href.endsWith('{id}') && window.mine")).await;
    page.eval("tributary.track('Muted'); 1").await;
    assert_unharmed(&page).await;

    // What is trusted by a nonce is trusted with its scripts.
    let nonced = scene.snippet().replace("async", "async nonce=abc");
    let page_of = |body: &str| body.replace("<script>", "<script nonce=abc>");
    scene.site.guarded("/nonce", "script-src 'nonce-abc' 'unsafe-hashes'", &nonced, &page_of(BODY));
    let (_visitor, page) = scene.visit("/nonce").await;
    page.until("the page works", WELL).await;
    page.until("scripts run", "window.mine").await;

    // It may not run at all.
    scene.site.guarded("/shut", "script-src 'unsafe-inline'", &scene.snippet(), BODY);
    let (_visitor, page) = scene.visit("/shut").await;
    page.until("the page works", WELL).await;
    assert_eq!(page.eval("window.tributary").await, Value::Null);
    assert_unharmed(&page).await;
    assert!(scene.front.events().iter().all(|event| event["name"] != "Muted"));
}

#[tokio::test]
async fn loaded_twice_it_runs_once() {
    let Some(scene) =
        Scene::new(json!({"scripts": [{"name": "mine", "code": "window.runs = (window.runs || 0) + 1"}]}))
            .await
    else {
        return;
    };
    let twice = format!("{0}{0}<script src=\"{1}?again\"></script>", scene.snippet(), scene.url());
    scene.site.page("/", &twice, BODY);
    let (_visitor, page) = scene.visit("/").await;
    page.until("the page works", WELL).await;
    id_of(&page).await;
    page.until("the script has run", "window.runs").await;
    page.eval("tributary.track('End'); 1").await;
    scene.front.event("track", "End").await;
    let views = scene.front.events().iter().filter(|event| event["type"] == "page").count();
    assert_eq!((views, page.eval("window.runs").await), (1, json!(1)));
    assert_unharmed(&page).await;
}

#[tokio::test]
async fn a_server_that_is_down_is_not_missed() {
    let Some(mut scene) = Scene::new(json!({})).await else { return };
    scene.page("/", BODY);
    let (visitor, page) = scene.visit("/").await;
    id_of(&page).await;
    scene.server.kill();
    // Nobody listens there any more.
    drop(std::mem::replace(&mut scene.front, tributary_tests::Front::start(scene.server.http()).await));
    page.eval("tributary.track('Alone'); 1").await;
    page.until("it is kept", "(localStorage._trb_queue || '').includes('Alone')").await;
    assert_unharmed(&page).await;
    // Without the tag, if it is not in the cache.
    visitor.open(&scene.site.url("/")).await;
    page.until("the page works", WELL).await;
    assert_unharmed(&page).await;
}

#[tokio::test]
async fn what_is_there_already_is_not_overwritten() {
    let Some(scene) = Scene::new(json!({})).await else { return };
    let head = format!(
        "<script>window.CLabsgbVar = {{ other: 1, generalProps: {{ uid: 'theirs', more: 2 }} }};
            window.tributary = {{ mine: true }};</script>{}",
        scene.snippet()
    );
    scene.site.page("/", &head, BODY);
    let (_visitor, page) = scene.visit("/").await;
    page.until("links are decorated", "link.href.includes('utm_term=trb_')").await;
    let expected = json!({"other": 1, "generalProps": {"uid": "theirs", "more": 2}});
    assert_eq!(page.eval("CLabsgbVar").await, expected);
    assert_eq!(page.eval("tributary").await, json!({"mine": true}));
    assert_unharmed(&page).await;
}
