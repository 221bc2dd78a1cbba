//! The browser tag, in a real browser, on a site of a client.

mod back;
mod bookings;
mod consent;
mod cost;
mod harm;
mod links;
mod scripts;
mod sending;

use serde_json::{Value, json};
use tributary_tests::{Browser, Database, Front, Page, Server, ServerBuilder, Site, Source, Tenant, Visitor};

/// A site with the tag of a source, and a browser to visit it.
struct Scene {
    server: Server,
    tenant: Tenant,
    tag: Source,
    site: Site,
    front: Front,
    browser: Browser,
}

impl Scene {
    /// With these settings besides those that every tag has here. What is sent is answered 202, and goes no further. None
    /// without a browser.
    async fn new(settings: Value) -> Option<Self> {
        let browser = Browser::start(&[])?;
        let server = ServerBuilder::on(Database::sqlite()).start().await;
        let tenant = server.tenant("shop").await;
        let scene = Self::at(server, tenant, browser, settings).await;
        scene.front.answer(Some(202));
        Some(scene)
    }

    /// As [`Scene::new`], for this tenant; what is sent goes to the server.
    async fn at(server: Server, tenant: Tenant, browser: Browser, settings: Value) -> Self {
        let site = Site::start().await;
        let mut all = json!({
            "origins": [site.origin()],
            "cookie_domain": "shop.test",
            "consent": "granted",
        });
        for (name, value) in settings.as_object().expect("settings") {
            all[name] = value.clone();
        }
        let tag = server.source(&tenant, "tag", "tag", &all, None).await;
        let front = Front::start(server.http()).await;
        Self { server, tenant, tag, site, front, browser }
    }

    /// The write key.
    fn key(&self) -> &str {
        self.tag.path.rsplit('/').next().expect("a key")
    }

    /// The address of the tag.
    fn url(&self) -> String {
        format!("{}/tag/{}.js", self.front.origin(), self.key())
    }

    /// What a page has in its head.
    fn snippet(&self) -> String {
        format!("<script async src=\"{}\"></script>", self.url())
    }

    /// Puts up a page with the tag.
    fn page(&self, path: &str, body: &str) {
        self.site.page(path, &self.snippet(), body);
    }

    /// Somebody new opens a page.
    async fn visit(&self, path: &str) -> (Visitor, Page) {
        self.visit_after(path, "").await
    }

    /// As [`Scene::visit`], in a browser that does this before anything else.
    async fn visit_after(&self, path: &str, script: &str) -> (Visitor, Page) {
        let visitor = self.browser.visitor().await;
        let page = visitor.open_after(&self.site.url(path), script).await;
        (visitor, page)
    }
}

/// The visitor's id, once there is one.
async fn id_of(page: &Page) -> String {
    let id = page.until("the visitor has an id", "window.tributary.cluid()").await;
    let id = id.as_str().expect("a text").to_owned();
    assert!(id.starts_with("trb_") && id.len() == 30, "{id}");
    id
}

/// Checks that the page's own scripts heard of no error, and none got past them.
async fn assert_unharmed(page: &Page) {
    assert_eq!(page.eval("heard").await, json!([]));
    assert_eq!(page.thrown(), Vec::<Value>::new());
}
