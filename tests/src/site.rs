//! A web site of a client, whose pages a test writes.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use http::StatusCode;
use tokio::task::JoinHandle;

use crate::web::{Reply, html, listen};

/// The host that visitors know it by.
pub const SHOP: &str = "www.shop.test";

/// A web site that is up until it is dropped.
#[derive(Debug)]
pub struct Site {
    address: SocketAddr,
    pages: Arc<Mutex<Pages>>,
    task: JoinHandle<()>,
}

/// By its path, a page: its Content-Security-Policy, which may be empty, and its HTML.
type Pages = HashMap<String, (String, String)>;

impl Site {
    /// Puts up a site without pages.
    pub async fn start() -> Self {
        let pages = Arc::new(Mutex::new(Pages::new()));
        let of_site = Arc::clone(&pages);
        let answering = move |request: http::Request<_>| {
            let answer = page(&of_site, request.uri().path());
            async move { answer }
        };
        let (address, task) = listen(answering).await;
        Self { address, pages, task }
    }

    /// Where its pages are, as browsers say it.
    pub fn origin(&self) -> String {
        format!("http://{SHOP}:{}", self.address.port())
    }

    /// The address of a page.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin())
    }

    /// Puts up a page, with this in its head and its body.
    pub fn page(&self, path: &str, head: &str, body: &str) {
        self.guarded(path, "", head, body);
    }

    /// As [`Site::page`], with a Content-Security-Policy.
    ///
    /// # Panics
    /// Never, as long as the site does not.
    pub fn guarded(&self, path: &str, policy: &str, head: &str, body: &str) {
        // What the page's own scripts would hear of.
        let watch = "<script>window.heard = []; window.onerror = (message) => { heard.push(message); };\
             window.onunhandledrejection = (event) => { heard.push(String(event.reason)); };</script>";
        let text = format!(
            "<!doctype html><html><head><title>A page</title>{watch}{head}</head><body>{body}</body></html>"
        );
        self.pages.lock().expect("whole").insert(path.to_owned(), (policy.to_owned(), text));
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn page(pages: &Mutex<Pages>, path: &str) -> Reply {
    let found = pages.lock().expect("whole").get(path).cloned();
    let Some((policy, text)) = found else {
        let mut missing = html("nothing");
        *missing.status_mut() = StatusCode::NOT_FOUND;
        return missing;
    };
    let mut answer = html(text);
    if !policy.is_empty() {
        answer.headers_mut().insert("content-security-policy", policy.parse().expect("a policy"));
    }
    answer
}
