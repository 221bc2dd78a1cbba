//! A page that is open.

use std::{fmt::Display, sync::Arc};

use serde_json::{Value, json};

use super::wire::Wire;
use crate::eventually;

/// A page in somebody's browser.
#[derive(Debug)]
pub struct Page {
    wire: Arc<Wire>,
    session: String,
}

impl Page {
    pub(super) fn new(wire: &Arc<Wire>, session: &Value) -> Self {
        let session = session.as_str().expect("a session").to_owned();
        Self { wire: Arc::clone(wire), session }
    }

    pub(super) async fn prepare(&self, script: &str) {
        for domain in ["Page", "Runtime", "Network"] {
            self.call(&format!("{domain}.enable"), json!({})).await;
        }
        if !script.is_empty() {
            self.call("Page.addScriptToEvaluateOnNewDocument", json!({"source": script})).await;
        }
    }

    /// A call of the DevTools protocol.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn call(&self, method: &str, params: Value) -> Value {
        self.wire.call(Some(&self.session), method, params).await
    }

    /// Goes to an address, and waits until it is loaded.
    ///
    /// # Panics
    /// When it cannot be reached.
    pub async fn go(&self, url: &str) {
        let gone = self.call("Page.navigate", json!({"url": url})).await;
        assert!(gone["errorText"].is_null(), "{url}: {gone}");
        self.until(
            "the page is loaded",
            "document.readyState === 'complete' && location.href !== 'about:blank'",
        )
        .await;
    }

    /// What `script`, an expression or a promise, comes to.
    ///
    /// # Panics
    /// When it throws.
    pub async fn eval(&self, script: &str) -> Value {
        let asked =
            json!({"expression": script, "awaitPromise": true, "returnByValue": true, "userGesture": true});
        let mut told = self.call("Runtime.evaluate", asked).await;
        assert!(told["exceptionDetails"].is_null(), "{script}: {}", told["exceptionDetails"]);
        told["result"]["value"].take()
    }

    /// As [`Page::eval`], as a text; empty where it is none.
    pub async fn text(&self, script: &str) -> String {
        self.eval(script).await.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until `script` comes to something true, and gives it. While the page changes, it comes to nothing.
    ///
    /// # Panics
    /// When it never does.
    pub async fn until(&self, what: impl Display, script: &str) -> Value {
        let asked = json!({"expression": script, "awaitPromise": true, "returnByValue": true});
        let tried = async || {
            let mut told =
                self.wire.ask(Some(&self.session), "Runtime.evaluate", asked.clone()).await.ok()?;
            let value = told["result"]["value"].take();
            let is_true = told["exceptionDetails"].is_null()
                && !matches!(&value, Value::Null | Value::Bool(false))
                && value != json!("")
                && value != json!(0);
            is_true.then_some(value)
        };
        eventually(format!("{what}: {script}"), tried).await
    }

    /// Clicks on what `selector` finds, as a hand does.
    ///
    /// # Panics
    /// When there is nothing.
    pub async fn click(&self, selector: &str) {
        let place = format!(
            "(() => {{ const at = document.querySelector({}).getBoundingClientRect(); \
             return [at.x + at.width / 2, at.y + at.height / 2]; }})()",
            json!(selector)
        );
        let place = self.eval(&place).await;
        for kind in ["mousePressed", "mouseReleased"] {
            let event =
                json!({"type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1});
            self.call("Input.dispatchMouseEvent", event).await;
        }
    }

    /// What was thrown on the page and caught by nobody.
    pub fn thrown(&self) -> Vec<Value> {
        self.wire.events(&self.session, "Runtime.exceptionThrown")
    }

    /// Why pages that were gone back to had to be loaded again.
    pub fn not_kept(&self) -> Vec<Value> {
        self.wire.events(&self.session, "Page.backForwardCacheNotUsed")
    }

    /// The addresses that the page asked for, in order.
    pub fn requests(&self) -> Vec<String> {
        let sent = self.wire.events(&self.session, "Network.requestWillBeSent");
        sent.iter().filter_map(|one| one["request"]["url"].as_str().map(str::to_owned)).collect()
    }
}
