//! A door that listens, and a client that writes whatever bytes it likes.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;
use tributary_connectors::sources::{Sending, provider};
use tributary_domain::{
    id::{SourceId, TenantId},
    partition::PartitionSet,
    subnet::Subnet,
    time::{Clock, Timestamp},
};
use tributary_ingest::{
    Door, DoorConfig, DoorLimits, Readiness, RefusalRecorder, RefusalSink, SecretHash, ServeOptions,
    SourceDirectory, SourceEntry, SourceSecret, SourceState, serve,
};
use tributary_journal::{
    Accepted, Journal, ReadLimit,
    log::{LocalLog, LogOptions},
};
use tributary_store::{
    StoreError,
    rejected::{RejectionCount, RejectionRecord},
};
use tributary_telemetry::{Metrics, ambient::random_u128};

/// The secret of a custom source without keys.
pub(crate) const OPEN: &str = "secret_open_canary7f3a";
/// The secret of a Calendly source with the key [`KEY`].
pub(crate) const SIGNED: &str = "secret_signed_canary7f3a";
/// The write key of a browser tag.
pub(crate) const TAG: &str = "key_of_a_tag";
/// The code of the tag's script, and its SHA-256.
pub(crate) const SCRIPT: (&str, &str) =
    ("go() // away", "8bba4e4a93eaf0817b375cfc7bcf036acb831d40b9eac510fc34ec32acc1dbc5");
/// The secret of a source of forms, without keys.
pub(crate) const FORM: &str = "secret_form_canary7f3a";
/// Those of other providers, each with the key [`KEY`].
pub(crate) const META: &str = "secret_meta_canary7f3a";
pub(crate) const WOOCOMMERCE: &str = "secret_woo_canary7f3a";
pub(crate) const HUBSPOT: &str = "secret_hubspot_canary7f3a";
pub(crate) const GITHUB: &str = "secret_github_canary7f3a";
/// Where the door is reached from outside.
pub(crate) const PUBLIC_URL: &str = "https://in.example.com";
/// A source that was deleted.
pub(crate) const DELETED: &str = "secret_deleted";
/// A secret that was rotated out.
pub(crate) const EXPIRED: &str = "secret_expired";
/// The write key of a browser tag.
pub(crate) const PAGE: &str = "write_key_of_a_page";
/// The site that it runs on.
pub(crate) const ORIGIN: &str = "https://shop.example";
/// The name of its script.
pub(crate) const KEYED: &str = "decorate forms";
/// The signing key of the Calendly source.
pub(crate) const KEY: &str = "signing_key_canary7f3a";
/// The time at the door.
pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
/// The largest body that the sources take, in bytes.
pub(crate) const LIMIT: usize = 1024 * 1024;

#[derive(Debug)]
struct StoppedClock;

impl Clock for StoppedClock {
    fn now(&self) -> Timestamp {
        NOW
    }
}

/// Keeps in memory what was refused.
#[derive(Default)]
pub(crate) struct Kept {
    pub(crate) counts: Mutex<Vec<RejectionCount>>,
    pub(crate) newest: Mutex<Vec<RejectionRecord>>,
}

#[async_trait]
impl RefusalSink for Kept {
    async fn write(
        &self,
        counts: &[(RejectionCount, Timestamp)],
        newest: &[RejectionRecord],
    ) -> Result<(), StoreError> {
        self.counts.lock().expect("whole").extend(counts.iter().map(|(count, _)| count.clone()));
        self.newest.lock().expect("whole").extend_from_slice(newest);
        Ok(())
    }
}

/// A door that listens.
pub(crate) struct House {
    pub(crate) address: SocketAddr,
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) readiness: Readiness,
    pub(crate) sources: Arc<SourceDirectory>,
    pub(crate) kept: Arc<Kept>,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
    _folder: TempDir,
}

impl House {
    pub(crate) async fn open() -> Self {
        Self::with(DoorLimits::default(), Metrics::unread(), None).await
    }

    /// A door with these limits; over `journal`, or a real one.
    pub(crate) async fn with(
        limits: DoorLimits,
        metrics: Metrics,
        journal: Option<Arc<dyn Journal>>,
    ) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let journal = journal.unwrap_or_else(|| {
            let options = LogOptions { reserve_bytes: 0, ..LogOptions::default() };
            let (log, _) = LocalLog::open(folder.path(), options, 0, random_u128()).expect("a journal");
            Arc::new(log)
        });
        let (refusals, writer) = RefusalRecorder::new(metrics.clone());
        let (kept, stop, readiness) =
            (Arc::new(Kept::default()), CancellationToken::new(), Readiness::default());
        readiness.serve();
        let sources = Arc::new(directory());
        let door = Door::new(DoorConfig {
            journal: Arc::clone(&journal),
            sources: Arc::clone(&sources),
            refusals,
            clock: Arc::new(StoppedClock),
            random: random_u128,
            metrics: metrics.clone(),
            readiness: readiness.clone(),
            public_url: PUBLIC_URL.to_owned(),
            limits,
            trusted_proxies: ["127.0.0.0/8".parse::<Subnet>().expect("a subnet")].into(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let served = serve(listener, door.router(), ServeOptions::default(), metrics, stop.clone());
        let tasks =
            vec![served, tokio::spawn(writer.run(Arc::clone(&kept) as Arc<dyn RefusalSink>, stop.clone()))];
        Self { address, journal, readiness, sources, kept, stop, tasks, _folder: folder }
    }

    /// Tells the door to stop.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }

    /// Stops the door; what was refused is written by then.
    pub(crate) async fn close(self) -> Arc<Kept> {
        self.stop.cancel();
        for task in self.tasks {
            task.await.expect("the task ends");
        }
        self.kept
    }

    /// Every message that is durable.
    pub(crate) async fn messages(&self) -> Vec<Accepted> {
        let (mut messages, mut after) = (Vec::new(), self.journal.first().saturating_sub(1));
        while after < self.journal.tail() {
            let limit = ReadLimit { messages: 100, bytes: LIMIT };
            let batch = self.journal.read(PartitionSet::all(), after, limit).await.expect("readable");
            messages.extend(batch.entries.into_iter().map(|entry| entry.message));
            after = batch.through;
        }
        messages
    }

    pub(crate) async fn post(&self, secret: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.send(&request("POST", &format!("/in/{secret}"), headers, body)).await
    }

    /// Writes `bytes`, however much of them is read, and reads the answer.
    pub(crate) async fn send(&self, bytes: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(self.address).await.expect("the door listens");
        // The door may have answered and ended before it was handed everything.
        let _ = stream.write_all(bytes).await;
        answer(&mut stream).await
    }
}

fn directory() -> SourceDirectory {
    let directory = SourceDirectory::default();
    let source_with = |number, name, settings: &Value, keys: &[&str], state| {
        let provider = provider(name).expect("a provider");
        SourceEntry {
            tenant: TenantId::new(1, 1),
            source: SourceId::new(1, number),
            provider,
            settings: Arc::new(provider.check_settings(settings).expect("they are right")),
            keys: keys.iter().map(|key| (*key).to_owned()).collect(),
            body_limit: LIMIT,
            state,
        }
    };
    let source = |number, name, keys: &[&str], state| source_with(number, name, &Value::Null, keys, state);
    let tag = json!({
        "origins": [ORIGIN], "cookie_domain": "shop.example", "scripts": [{ "name": KEYED, "code": "go()" }],
    });
    let served = json!({
        "origins": [ORIGIN],
        "cookie_domain": "shop.example",
        "scripts": [
            { "name": "mine", "code": SCRIPT.0 },
            { "name": "resting", "code": "rest()", "enabled": false },
        ],
    });
    let secret = |text, expires_at| SourceSecret { hash: SecretHash::of(text), expires_at, key: None };
    directory.replace_all([
        (source(1, "custom", &[], SourceState::Live), vec![secret(OPEN, None), secret(EXPIRED, Some(NOW))]),
        (source(3, "custom", &[], SourceState::Deleted), vec![secret(DELETED, None)]),
        (source_with(9, "tag", &tag, &[], SourceState::Live), vec![secret(PAGE, None)]),
        (source_with(10, "tag", &served, &[], SourceState::Live), vec![secret(TAG, None)]),
        (source(4, "form", &[], SourceState::Live), vec![secret(FORM, None)]),
        (source(5, "meta_lead_ads", &[KEY], SourceState::Live), vec![secret(META, None)]),
        (source(6, "woocommerce", &[KEY], SourceState::Live), vec![secret(WOOCOMMERCE, None)]),
        (source(7, "hubspot", &[KEY], SourceState::Live), vec![secret(HUBSPOT, None)]),
        (source(8, "github", &[KEY], SourceState::Live), vec![secret(GITHUB, None)]),
    ]);
    directory.replace_source(source(2, "calendly", &[KEY], SourceState::Live), &[secret(SIGNED, None)]);
    directory
}

/// What the Calendly source's sender would sign `body` with at `at`.
pub(crate) fn signature(key: &str, body: &[u8], at: Timestamp) -> (String, String) {
    signed("calendly", SIGNED, key, body, at).remove(0)
}

/// What the sender of a provider's source, whose secret is `secret`, would sign `body` with at `at`.
pub(crate) fn signed(
    name: &str,
    secret: &str,
    key: &str,
    body: &[u8],
    at: Timestamp,
) -> Vec<(String, String)> {
    let provider = provider(name).expect("a provider");
    let settings = provider.check_settings(&Value::Null).expect("the defaults are right");
    let url = format!("{PUBLIC_URL}/in/{secret}");
    let sending = Sending { url: &url, id: "dlv_1", event: "", content_type: "", body };
    provider.sign(&settings, key, &sending, at)
}

/// The bytes of a request with a `Content-Length`.
pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let host = if headers.iter().any(|(name, _)| *name == "host") { "" } else { "host: door\r\n" };
    let mut bytes = format!("{method} {path} HTTP/1.1\r\n{host}").into_bytes();
    for (name, value) in headers {
        bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    bytes
        .extend_from_slice(format!("content-length: {}\r\nconnection: close\r\n\r\n", body.len()).as_bytes());
    bytes.extend_from_slice(body);
    bytes
}

/// An answer that was read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    /// Checks that it is a whole problem, with this status and reason.
    #[track_caller]
    pub(crate) fn is_problem(&self, status: u16, reason: &str) {
        let problem = self.json();
        assert_eq!((self.status, &problem["reason"]), (status, &json!(reason)), "{self:?}");
        assert!(self.head.contains("content-type: application/problem+json"), "{self:?}");
        assert_eq!(problem["type"], json!(format!("docs/errors.md#{}", reason.to_lowercase())));
        assert_eq!(problem["status"], json!(status));
        assert!(problem["title"].is_string() && problem["fix"].is_string(), "{problem}");
    }
}

/// Reads from `stream` until the door ends the connection.
pub(crate) async fn answer(stream: &mut TcpStream) -> Answer {
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut bytes)).await;
    read.expect("an answer in time").expect("the answer is not cut off");
    let text = String::from_utf8(bytes).expect("text");
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
}
