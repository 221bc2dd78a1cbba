//! A real Chromium, as a visitor has one: driven over the DevTools protocol, through pipes.

mod page;
mod wire;

use std::{
    env,
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::Arc,
};

use serde_json::{Value, json};
use tempfile::TempDir;

pub use page::Page;

use self::wire::Wire;
use crate::eventually;

/// A browser that runs until it is dropped.
#[derive(Debug)]
pub struct Browser {
    process: Child,
    wire: Arc<Wire>,
    _profile: TempDir,
}

/// Somebody with a browser: cookies and storage of their own.
#[derive(Debug)]
pub struct Visitor {
    wire: Arc<Wire>,
    context: String,
}

impl Browser {
    /// Starts one, for which these hosts are at these addresses, whatever the port, and all of `*.test` is this machine.
    /// None where there is no Chromium, which is said aloud.
    ///
    /// # Panics
    /// When it does not start; and when there is none and `CI=true`, so that what was not tested is never taken for tested.
    pub fn start(hosts: &[(&str, SocketAddr)]) -> Option<Self> {
        let Some(program) = program() else {
            assert!(
                env::var("CI").as_deref() != Ok("true"),
                "there is no Chromium, and CI=true: run scripts/test"
            );
            println!("NOT RUN IN A BROWSER: there is no `chromium`, and TRIBUTARY_TEST_CHROMIUM names none");
            return None;
        };
        let profile = tempfile::tempdir().expect("a folder for the profile");
        let mut rules: Vec<String> = hosts.iter().map(|(host, at)| format!("MAP {host} {at}")).collect();
        rules.push("MAP *.test 127.0.0.1".to_owned());
        let mut options = vec![
            "--headless".to_owned(),
            "--remote-debugging-pipe".to_owned(),
            format!("--user-data-dir={}", profile.path().display()),
            format!("--host-resolver-rules={}", rules.join(", ")),
            // Certificates of tests are their own.
            "--ignore-certificate-errors".to_owned(),
            "--disable-features=HttpsUpgrades".to_owned(),
            "--disable-background-networking".to_owned(),
            "--disable-component-update".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--disable-gpu".to_owned(),
            "--no-first-run".to_owned(),
        ];
        if rustix::process::getuid().is_root() {
            options.push("--no-sandbox".to_owned());
        }
        // It reads commands from descriptor 3 and writes answers to 4.
        let mut process = Command::new("sh")
            .args(["-c", r#"exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null"#])
            .arg(program)
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the browser starts");
        let wire = Wire::new(&mut process);
        Some(Self { process, wire, _profile: profile })
    }

    /// Begins to note what the browser does, of all pages, until [`Browser::end_trace`].
    pub async fn begin_trace(&self) {
        let of = ["devtools.timeline", "v8"];
        let asked = json!({"transferMode": "ReportEvents", "traceConfig": {"includedCategories": of}});
        self.wire.call(None, "Tracing.start", asked).await;
    }

    /// What was noted since, in Chromium's own format: times in microseconds, `dur` on the clock, `tdur` of a processor.
    ///
    /// # Panics
    /// When nothing is noted.
    pub async fn end_trace(&self) -> Vec<Value> {
        self.wire.call(None, "Tracing.end", json!({})).await;
        eventually("the trace is whole", async || self.wire.take("Tracing.tracingComplete").pop().map(drop))
            .await;
        let parts = self.wire.take("Tracing.dataCollected");
        parts.iter().flat_map(|part| part["value"].as_array().cloned().unwrap_or_default()).collect()
    }

    /// Somebody who was never here.
    pub async fn visitor(&self) -> Visitor {
        let made = self.wire.call(None, "Target.createBrowserContext", json!({})).await;
        let context = made["browserContextId"].as_str().expect("a context").to_owned();
        Visitor { wire: Arc::clone(&self.wire), context }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Visitor {
    /// Opens a page, and waits until it is loaded.
    pub async fn open(&self, url: &str) -> Page {
        self.open_after(url, "").await
    }

    /// As [`Visitor::open`]; every document runs `script` before anything else.
    pub async fn open_after(&self, url: &str, script: &str) -> Page {
        let asked = json!({"url": "about:blank", "browserContextId": self.context});
        let made = self.wire.call(None, "Target.createTarget", asked).await;
        let asked = json!({"targetId": made["targetId"], "flatten": true});
        let attached = self.wire.call(None, "Target.attachToTarget", asked).await;
        let page = Page::new(&self.wire, &attached["sessionId"]);
        page.prepare(script).await;
        page.go(url).await;
        page
    }

    /// The cookies that they have, by name.
    pub async fn cookies(&self) -> Vec<(String, Value)> {
        let asked = json!({"browserContextId": self.context});
        let found = self.wire.call(None, "Storage.getCookies", asked).await;
        let cookies = found["cookies"].as_array().cloned().unwrap_or_default();
        cookies.into_iter().map(|one| (one["name"].as_str().unwrap_or_default().to_owned(), one)).collect()
    }
}

/// What `TRIBUTARY_TEST_CHROMIUM` names, or what is found in PATH.
fn program() -> Option<PathBuf> {
    if let Some(named) = env::var_os("TRIBUTARY_TEST_CHROMIUM") {
        return Some(PathBuf::from(named)).filter(|program| program.is_file());
    }
    let folders = env::var_os("PATH")?;
    env::split_paths(&folders).map(|folder| folder.join("chromium")).find(|program| program.is_file())
}
