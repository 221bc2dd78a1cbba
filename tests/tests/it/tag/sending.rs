//! What is sent, and that it arrives.

use serde_json::{Value, json};
use tributary_tests::{Front, Page, Visitor, eventually};

use super::{Scene, assert_unharmed, id_of};

/// Somebody on the only page of a site, with an id.
struct Visit {
    scene: Scene,
    visitor: Visitor,
    page: Page,
    id: String,
}

impl Visit {
    /// With this body of the page, by this address. None without a browser.
    async fn new(address: &str, body: &str) -> Option<Self> {
        let scene = Scene::new(json!({})).await?;
        scene.page("/", body);
        let (visitor, page) = scene.visit(address).await;
        let id = id_of(&page).await;
        Some(Self { scene, visitor, page, id })
    }
}

/// How often an event of this name was taken.
fn times(front: &Front, name: &str) -> usize {
    front.events().iter().filter(|event| event["name"] == name).count()
}

/// Waits until the tag keeps this many events that are not sent.
async fn kept(page: &Page, count: usize) {
    page.until(
        format!("{count} events are kept"),
        &format!("JSON.parse(localStorage._trb_queue || '[]').length === {count}"),
    )
    .await;
}

#[tokio::test]
async fn a_page_view_says_where_the_visitor_comes_from() {
    let Some(scene) = Scene::new(json!({})).await else { return };
    scene.page("/", "<a id=next href='/next'>next</a>");
    scene.page("/next", "");
    let address = "/?fbclid=F-1&gclid=G&gbraid=B&wbraid=W&ttclid=T&li_fat_id=L&msclkid=M&ScCid=S&utm_source=ads&utm_campaign=may&x=1#token";
    let pixels = "document.cookie = '_fbp=fb.1.1.2'; document.cookie = '_ttp=ttp-1'; document.cookie = '_ga=GA1.1.12.34';";
    let (_visitor, page) = scene.visit_after(address, pixels).await;
    let id = id_of(&page).await;
    let first = scene.front.event("page", "").await;
    let url = scene.site.url(address.trim_end_matches("#token"));
    assert_eq!(first["cluid"], json!(id));
    assert_eq!(
        first["context"]["page"],
        json!({"url": url, "path": "/", "title": "A page", "referrer": ""}),
        "without the fragment, which may be a secret"
    );
    let clicks = json!({"fbclid": "F-1", "gclid": "G", "gbraid": "B", "wbraid": "W", "ttclid": "T", "li_fat_id": "L",
        "msclkid": "M", "sc_click_id": "S"});
    let context = &first["context"];
    assert_eq!((&context["clicks"], &context["landing"]), (&clicks, &json!(url)));
    assert_eq!(context["campaign"], json!({"utm_source": "ads", "utm_campaign": "may"}));
    assert_eq!(
        (&context["fbp"], &context["ttp"], &context["ga_client_id"]),
        (&json!("fb.1.1.2"), &json!("ttp-1"), &json!("12.34"))
    );
    let fbc = context["fbc"].as_str().expect("made of the click id").to_owned();
    let parts: Vec<&str> = fbc.split('.').collect();
    assert_eq!((parts[..2].join("."), parts[2].len(), parts[3]), ("fb.1".to_owned(), 13, "F-1"));

    page.click("#next").await;
    page.until(
        "the next page is there",
        "location.pathname === '/next' && window.tributary && tributary.cluid()",
    )
    .await;
    let second = eventually("the second page view is sent", async || {
        scene.front.events().into_iter().find(|event| event["context"]["page"]["path"] == "/next")
    })
    .await;
    assert_eq!((&second["cluid"], &second["context"]["clicks"]), (&json!(id), &clicks), "of one visit");
    assert_eq!((&second["context"]["landing"], &second["context"]["fbc"]), (&json!(url), &json!(fbc)));
    assert_eq!(second["context"]["campaign"], context["campaign"]);
    let before = second["context"]["page"]["referrer"].as_str().unwrap_or_default();
    assert!(before.starts_with(&scene.site.origin()), "{second}");
}

#[tokio::test]
async fn calls_are_sent_as_they_were_made() {
    let Some(Visit { scene, page, id, .. }) = Visit::new("/", "").await else { return };
    page.eval(
        "(() => {
            const properties = { value: 12.5, items: ['a'] };
            tributary.track('Purchase', properties);
            properties.value = 0;
            tributary.identify('42', { email: 'ann@example.com' });
            tributary.identify({ plan: 'pro' });
            tributary.page('Pricing', { tab: 2 });
            const cycle = {}; cycle.self = cycle;
            tributary.track('Cycle', cycle);
            tributary.track('Big', { text: 'x'.repeat(40000) });
            tributary.track();
            tributary.track(7, 'no name');
            tributary.track('Odd', [1, 2]);
            tributary.track('Cut', { text: '\u{1f600}'.slice(0, 1) + ' \\\\ud83d \u{1f600}' });
            tributary.push(['track', 'Pushed']);
            return 1;
        })()",
    )
    .await;
    scene.front.event("track", "Pushed").await;
    let bought = scene.front.event("track", "Purchase").await;
    assert_eq!(
        (&bought["properties"], &bought["cluid"]),
        (&json!({"value": 12.5, "items": ["a"]}), &json!(id))
    );
    let traits: Vec<Value> = scene
        .front
        .events()
        .iter()
        .filter(|event| event["type"] == "identify")
        .map(|event| event["traits"].clone())
        .collect();
    assert_eq!(traits, [json!({"user_id": "42", "email": "ann@example.com"}), json!({"plan": "pro"})]);
    assert_eq!(scene.front.event("page", "Pricing").await["properties"], json!({"tab": 2}));
    let ids: std::collections::HashSet<String> =
        scene.front.events().iter().map(|event| event["id"].to_string()).collect();
    assert_eq!(ids.len(), scene.front.events().len(), "each has an id of its own");
    assert_eq!(scene.front.event("track", "Odd").await["properties"], Value::Null, "a list is no properties");
    let cut = scene.front.event("track", "Cut").await;
    assert_eq!(cut["properties"]["text"], "\u{fffd} \\ud83d \u{1f600}", "half a character is none");
    assert_eq!((times(&scene.front, "Cycle"), times(&scene.front, "Big")), (0, 0));
    let sent = scene.front.collected().remove(0);
    assert_eq!(sent.headers["content-type"], "text/plain;charset=UTF-8", "no browser has to ask beforehand");
    assert_unharmed(&page).await;
}

#[tokio::test]
async fn pages_that_change_without_being_loaded_are_page_views() {
    let Some(Visit { scene, page, .. }) = Visit::new("/", "").await else { return };
    scene.front.event("page", "").await;
    page.eval(
        "(async () => {
            const rest = () => new Promise((done) => setTimeout(done, 20));
            history.replaceState({}, '', '/?tidied=1'); await rest();
            history.pushState({}, '', '/one'); document.title = 'One'; await rest();
            history.pushState({}, '', '/two?x=1'); await rest();
            history.pushState({}, '', '/two?x=1'); await rest();
            location.hash = 'anchor'; await rest();
            location.hash = '#/three'; await rest();
            history.replaceState({}, '', '/four'); await rest();
            tributary.track('End');
        })()",
    )
    .await;
    scene.front.event("track", "End").await;
    let views: Vec<(String, String)> = scene
        .front
        .events()
        .iter()
        .filter(|event| event["type"] == "page")
        .map(|event| {
            let page = &event["context"]["page"];
            let short =
                |name: &str| page[name].as_str().unwrap_or_default().replace(&scene.site.origin(), "");
            (short("url"), short("referrer"))
        })
        .collect();
    let expected = [
        ("/", ""),
        ("/one", "/?tidied=1"),
        ("/two?x=1", "/one"),
        ("/two?x=1#/three", "/two?x=1"),
        ("/four", "/two?x=1#/three"),
    ];
    assert_eq!(views, expected.map(|(url, before)| (url.to_owned(), before.to_owned())));
    assert_eq!(page.eval("history.length > 3 && history.pushState.name").await, json!("pushState"));
}

#[tokio::test]
async fn the_last_thing_before_a_page_is_left_arrives() {
    let Some(Visit { scene, page, .. }) = Visit::new("/", "").await else { return };
    scene.site.page("/elsewhere", "", "");
    page.eval("tributary.track('Last'); location.href = '/elsewhere'; 1").await;
    scene.front.event("track", "Last").await;
}

#[tokio::test]
async fn what_was_not_taken_as_a_page_was_left_is_sent_by_the_next() {
    let Some(Visit { scene, page, .. }) = Visit::new("/", "").await else { return };
    scene.front.event("page", "").await;
    kept(&page, 0).await;
    scene.front.answer(Some(503));
    page.eval("tributary.track('Left'); dispatchEvent(new PageTransitionEvent('pagehide')); 1").await;
    eventually("it was tried", async || {
        scene.front.collected().iter().any(|one| one.status == 503).then_some(())
    })
    .await;
    kept(&page, 1).await;
    scene.front.answer(Some(202));
    page.go(&scene.site.url("/")).await;
    scene.front.event("track", "Left").await;
    kept(&page, 0).await;
}

#[tokio::test]
async fn of_two_clicks_the_newer_is_told_to_meta() {
    let Some(scene) = Scene::new(json!({})).await else { return };
    scene.page("/", "");
    for (cookie, expected) in
        [("fb.1.9999999999999.Newer", ".Newer"), ("fb.1.1.Older", ".F-1"), ("fb.2.1.F-1", "fb.2.1.F-1")]
    {
        let script = format!("document.cookie = '_fbc={cookie}'");
        let (_visitor, page) = scene.visit_after("/?fbclid=F-1", &script).await;
        let id = id_of(&page).await;
        let event = eventually("the page view is sent", async || {
            scene.front.events().into_iter().find(|event| event["cluid"] == json!(id))
        })
        .await;
        let fbc = event["context"]["fbc"].as_str().unwrap_or_default();
        assert!(fbc.ends_with(expected), "{cookie}: {fbc}");
    }
}

#[tokio::test]
async fn what_cannot_be_sent_is_kept_and_sent_later_once() {
    let Some(Visit { scene, page, .. }) = Visit::new("/", "").await else { return };
    scene.front.event("page", "").await;
    kept(&page, 0).await;

    // The server cannot, and says so.
    scene.front.answer(Some(503));
    page.eval("tributary.track('Down'); 1").await;
    eventually("it was tried", async || {
        scene.front.collected().iter().any(|one| one.status == 503).then_some(())
    })
    .await;
    kept(&page, 1).await;
    scene.front.answer(Some(202));
    // The page is gone before it would try again.
    page.go(&scene.site.url("/")).await;
    scene.front.event("track", "Down").await;
    kept(&page, 0).await;

    // There is no network, and then there is.
    let network = |offline: bool| json!({"offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1});
    page.call("Network.emulateNetworkConditions", network(true)).await;
    page.eval("tributary.track('Offline'); 1").await;
    kept(&page, 1).await;
    assert_eq!(times(&scene.front, "Offline"), 0);
    page.call("Network.emulateNetworkConditions", network(false)).await;
    scene.front.event("track", "Offline").await;
    kept(&page, 0).await;

    // One that the server does not take does not take others with it.
    for status in [422, 413] {
        scene.front.answer(Some(status));
        page.eval("tributary.track('Good'); tributary.track('Bad'); 1").await;
        eventually("each goes alone", async || {
            let refused = scene.front.collected().into_iter().filter(|one| one.status == status);
            let sizes: Vec<usize> =
                refused.map(|one| one.body["batch"].as_array().map_or(0, Vec::len)).collect();
            (sizes == [2, 1, 1]).then_some(())
        })
        .await;
        kept(&page, 0).await;
    }

    // What is refused for good is not kept for ever.
    scene.front.answer(Some(410));
    page.eval("tributary.track('Refused'); 1").await;
    eventually("it was refused", async || {
        scene.front.collected().iter().any(|one| one.status == 410).then_some(())
    })
    .await;
    kept(&page, 0).await;
    assert_eq!((times(&scene.front, "Down"), times(&scene.front, "Offline")), (1, 1));
    assert_unharmed(&page).await;
}

#[tokio::test]
async fn cookie_and_storage_heal_each_other() {
    let Some(Visit { scene, visitor, page, id }) = Visit::new("/", "").await else { return };
    let cookies = visitor.cookies().await;
    let cookie =
        cookies.iter().find(|(name, _)| name == "_trb_cluid").map(|(_, cookie)| cookie).expect("a cookie");
    assert_eq!(
        (&cookie["value"], &cookie["domain"]),
        (&json!(id), &json!(".shop.test")),
        "for all hosts of the domain"
    );
    for lose in [
        "document.cookie = '_trb_cluid=; domain=shop.test; path=/; max-age=0'",
        "localStorage.clear()",
        "localStorage._trb_cluid = 'nonsense'",
    ] {
        page.eval(&format!("{lose}; 1")).await;
        page.go(&scene.site.url("/")).await;
        assert_eq!(id_of(&page).await, id, "{lose}");
        assert_eq!(page.text("localStorage._trb_cluid").await, id, "{lose}");
        assert_eq!(page.text("document.cookie").await, format!("_trb_cluid={id}"), "{lose}");
    }
}

#[tokio::test]
async fn after_a_reset_the_browser_is_somebody_elses() {
    let link = "<a id=link href='https://calendly.com/x'>x</a>";
    let Some(Visit { scene, page, id: first, .. }) = Visit::new("/?gclid=G", link).await else { return };
    page.eval("tributary.track('Before'); tributary.reset(); tributary.track('After'); 1").await;
    let second = id_of(&page).await;
    assert_ne!(first, second);
    let ids = [
        scene.front.event("track", "Before").await,
        scene.front.event("reset", "").await,
        scene.front.event("track", "After").await,
    ]
    .map(|event| event["cluid"].clone());
    assert_eq!(ids, [json!(first), json!(first), json!(second)]);
    assert_eq!(page.text("link.href").await, format!("https://calendly.com/x?utm_term={second}"));
    assert_eq!(page.text("CLabsgbVar.generalProps.uid").await, second);
    assert_eq!(page.text("document.cookie").await, format!("_trb_cluid={second}"));
    // An answer to what was the first one's must not bring their cookie back.
    for sent in scene.front.collected() {
        let is_mixed =
            sent.body["batch"].as_array().expect("events").iter().any(|event| event["cluid"] == json!(first));
        let is_after = sent.body.to_string().contains("\"reset\"");
        assert!(!(is_mixed && is_after && sent.headers.contains_key("cookie")), "{sent:?}");
    }
}
