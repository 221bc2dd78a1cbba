//! Scripts of the owner's own.

use serde_json::{Value, json};

use super::{Scene, assert_unharmed, id_of};

/// The custom destination that CustomerLabs' guide has users paste, as it stands there.
pub(super) const GUIDE: &str = r#"function updateCalendlyLinks(utmTerm) {
document.querySelectorAll('a[href^="https://calendly.com"]').forEach(link => {
try {
const url = new URL(link.href);
url.searchParams.set('utm_term', utmTerm);
link.href = url.toString();
} catch (error) {
console.error('Error updating Calendly link:', error);
}
});
}
updateCalendlyLinks(window.CLabsgbVar.generalProps.uid);"#;

#[tokio::test]
async fn the_guides_script_runs_unchanged_once_there_is_an_id() {
    // Without links of its own: what is on the link is the script's.
    let settings = json!({
        "consent": "wait",
        "decorate": [],
        "scripts": [{"name": "calendly_integration", "code": GUIDE}],
    });
    let Some(scene) = Scene::new(settings).await else { return };
    // The tag is above the link, as the guide has it.
    scene.page("/", "<a id=link href='https://calendly.com/acme/call?month=5'>book</a>");
    let (_visitor, page) = scene.visit("/").await;
    page.until("the tag is there", "window.tributary && !!window.tributary.track").await;
    assert_eq!(page.text("link.href").await, "https://calendly.com/acme/call?month=5", "it waits for the id");
    page.eval("tributary.consent('granted'); 1").await;
    let id = id_of(&page).await;
    let expected = format!("https://calendly.com/acme/call?month=5&utm_term={id}");
    page.until("the script has run", &format!("link.href === '{expected}'")).await;
    assert_eq!(page.eval("window.updateCalendlyLinks").await, Value::Null, "what it declares is its own");
    assert_unharmed(&page).await;
}

#[tokio::test]
async fn what_fails_in_a_script_is_told_to_the_server_and_to_nobody_else() {
    let settings = json!({"scripts": [
        {"name": "throws", "code": "throw new Error('at once')"},
        {"name": "unreadable", "code": "this is not JavaScript {"},
        {"name": "late", "code": "setTimeout(() => { throw new TypeError('later') }, 1)"},
        {"name": "promised", "code": "Promise.reject(new Error('promised'))"},
        {"name": "works", "code": "window.worked = this === window // and ends with a comment"},
    ]});
    let Some(scene) = Scene::new(settings).await else { return };
    // Those who listen after the tag do not hear of it either.
    let listening = "<script>
        window.others = [];
        for (const name of ['error', 'unhandledrejection']) addEventListener(name, (event) => others.push(event.type));
        addEventListener('load', () => { window.loaded = true; });
    </script>";
    scene.site.page("/", &scene.snippet().replace("async ", ""), listening);
    let (_visitor, page) = scene.visit("/").await;
    let id = id_of(&page).await;
    for (name, message) in
        [("throws", "at once"), ("unreadable", "SyntaxError"), ("late", "later"), ("promised", "promised")]
    {
        let told = scene.front.event("error", name).await;
        assert!(told["message"].as_str().expect("a message").contains(message), "{told}");
        assert_eq!((&told["cluid"], &told["site"]), (&json!(id), &json!("www.shop.test")));
        assert_eq!(told["hash"].as_str().map(str::len), Some(64), "{told}");
    }
    assert_eq!(page.eval("[window.worked, window.loaded, others]").await, json!([true, true, []]));
    // The page's own errors stay the page's.
    page.eval("setTimeout(() => { throw new Error('mine'); }, 0); 1").await;
    page.until("the page hears of its own", "heard.length === 1 && others.length === 1").await;
    page.eval("heard.length = 0; 1").await;
    assert_eq!(page.eval("heard").await, json!([]));
    // What fails on every page is told once a page.
    let told = scene.front.events().into_iter().filter(|event| event["type"] == "error").count();
    assert_eq!(told, 4);
}

#[tokio::test]
async fn a_script_runs_on_its_sites_and_while_it_is_enabled() {
    let Some(scene) = Scene::new(json!({"scripts": []})).await else { return };
    let settings = json!({
        "origins": [scene.site.origin(), "https://other.example"],
        "consent": "granted",
        "scripts": [
            {"name": "here", "code": "window.here = true", "sites": ["www.shop.test"]},
            {"name": "elsewhere", "code": "window.elsewhere = true", "sites": ["other.example"]},
            {"name": "resting", "code": "window.resting = true", "enabled": false},
            {"name": "everywhere", "code": "window.everywhere = true"},
        ],
    });
    let source = scene.server.source(&scene.tenant, "second", "tag", &settings, None).await;
    let key = source.path.rsplit('/').next().expect("a key");
    let snippet = format!("<script src=\"{}/tag/{key}.js\"></script>", scene.front.origin());
    scene.site.page("/", &snippet, "");
    let (_visitor, page) = scene.visit("/").await;
    // They run in their order, so that the last one is the end.
    page.until("the last has run", "window.everywhere").await;
    assert_eq!(page.eval("[window.here, window.elsewhere, window.resting]").await, json!([true, null, null]));
}
