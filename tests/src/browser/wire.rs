//! The DevTools protocol: JSON, each message ended by a zero byte.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::PATIENCE;

/// A connection to a browser.
#[derive(Debug)]
pub(super) struct Wire {
    input: Mutex<ChildStdin>,
    shared: Arc<Mutex<Shared>>,
    next: AtomicU64,
}

#[derive(Debug, Default)]
struct Shared {
    waiting: HashMap<u64, oneshot::Sender<Value>>,
    events: Vec<Value>,
}

impl Wire {
    /// Over the pipes of this process.
    pub(super) fn new(process: &mut Child) -> Arc<Self> {
        let input = process.stdin.take().expect("a pipe");
        let output = process.stdout.take().expect("a pipe");
        let shared = Arc::new(Mutex::new(Shared::default()));
        let of_reader = Arc::clone(&shared);
        // It ends with the process.
        thread::spawn(move || read(output, &of_reader));
        Arc::new(Self { input: Mutex::new(input), shared, next: AtomicU64::new(1) })
    }

    /// What the browser answers to `method`; of a page where a session is named.
    ///
    /// # Panics
    /// When it is refused, or not answered.
    pub(super) async fn call(&self, session: Option<&str>, method: &str, params: Value) -> Value {
        let answer = self.ask(session, method, params).await;
        answer.unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// As [`Wire::call`], or why it is refused, as while a page changes.
    ///
    /// # Panics
    /// When it is not answered.
    pub(super) async fn ask(
        &self,
        session: Option<&str>,
        method: &str,
        params: Value,
    ) -> Result<Value, Value> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = oneshot::channel();
        self.shared.lock().expect("whole").waiting.insert(id, sender);
        let mut message = json!({"id": id, "method": method, "params": params});
        if let Some(session) = session {
            message["sessionId"] = json!(session);
        }
        let line = format!("{message}\0");
        self.input.lock().expect("whole").write_all(line.as_bytes()).expect("the browser listens");
        let answer = tokio::time::timeout(PATIENCE, receiver).await;
        let answer = answer.unwrap_or_else(|_| panic!("{method} is not answered"));
        let mut answer = answer.expect("the browser runs");
        if answer["error"].is_null() { Ok(answer["result"].take()) } else { Err(answer["error"].take()) }
    }

    /// What the browser told without being asked, of one page.
    pub(super) fn events(&self, session: &str, method: &str) -> Vec<Value> {
        let shared = self.shared.lock().expect("whole");
        let own = |event: &&Value| event["sessionId"] == session && event["method"] == method;
        shared.events.iter().filter(own).map(|event| event["params"].clone()).collect()
    }

    /// As [`Wire::events`], once; of the browser itself.
    pub(super) fn take(&self, method: &str) -> Vec<Value> {
        let mut shared = self.shared.lock().expect("whole");
        let own = |event: &mut Value| event["sessionId"].is_null() && event["method"] == method;
        shared.events.extract_if(.., own).map(|mut event| event["params"].take()).collect()
    }
}

fn read(output: ChildStdout, shared: &Mutex<Shared>) {
    let mut output = BufReader::new(output);
    let mut bytes = Vec::new();
    while output.read_until(0, &mut bytes).is_ok_and(|count| count > 0) {
        let message: Value = serde_json::from_slice(&bytes[..bytes.len() - 1]).unwrap_or_default();
        bytes.clear();
        let mut shared = shared.lock().expect("whole");
        match message["id"].as_u64().and_then(|id| shared.waiting.remove(&id)) {
            // Whoever asked may have given up.
            Some(sender) => drop(sender.send(message)),
            None => shared.events.push(message),
        }
    }
    // Nobody is answered any more.
    shared.lock().expect("whole").waiting.clear();
}
