//! Scripts of a tag's owner that failed in browsers: kept beside what was refused, so that their owner learns of it and the
//! page does not.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use axum::http::{HeaderMap, header};
use serde_json::json;
use tributary_connectors::sources::tag::ScriptFailure;
use tributary_domain::{
    id::{RejectionId, SourceId},
    time::Timestamp,
};
use tributary_store::rejected::{RejectionRecord, SCRIPT_FAILED};

use super::headers::masked;
use crate::directory::SourceEntry;

/// How long a failure is not kept again: one that every visitor meets would leave no room for others.
const REST: Duration = Duration::from_secs(10 * 60);
/// Most failures that are remembered; where there are more, all are forgotten, and some kept again too early.
const MOST: usize = 1024;
/// How much of a hash tells people one from another, in characters.
const SHORT: usize = 12;

/// When a failure was kept lately, by its source, the script, and the hash of its code. The message does not tell failures
/// apart: whoever has the key, which is everybody, could write another each time.
#[derive(Debug, Default)]
pub(super) struct Lately(Mutex<HashMap<(SourceId, String, String), Timestamp>>);

impl Lately {
    /// Whether this failure is to be kept, at `now`; if so, it is not for a while. All code of a script that is not in force
    /// is one: its hash may be of nothing at all.
    pub(super) fn is_news(&self, source: &SourceEntry, failure: &ScriptFailure, now: Timestamp) -> bool {
        let mut scripts = source.settings.tag().into_iter().flat_map(|tag| &tag.scripts);
        let is_in_force = scripts.any(|script| script.sha256 == failure.sha256);
        let hash = if is_in_force { failure.sha256.clone() } else { String::new() };
        let key = (source.source, failure.script.clone(), hash);
        // Each change is one step, so the map is whole even if whoever held the lock panicked.
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.get(&key).is_some_and(|at| now < at.plus(REST)) {
            return false;
        }
        if kept.len() >= MOST {
            kept.clear();
        }
        kept.insert(key, now);
        true
    }
}

/// What is kept of a script that failed on a page that sent these headers.
pub(super) fn record(
    source: &SourceEntry,
    failure: &ScriptFailure,
    headers: &HeaderMap,
    at: Timestamp,
    random: u128,
) -> RejectionRecord {
    let ScriptFailure { script, sha256, message } = failure;
    let site = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok()).unwrap_or_default();
    let body = json!({ "script": script, "sha256": sha256, "site": site, "message": message });
    RejectionRecord {
        id: RejectionId::new(at.millis(), random),
        tenant: source.tenant,
        source: source.source,
        at,
        reason: SCRIPT_FAILED.to_owned(),
        detail: format!("`{script}` ({}) on {site}: {message}", sha256.get(..SHORT).unwrap_or_default()),
        // What it came with was taken.
        http_status: 202,
        headers: masked(headers),
        body: body.to_string().into_bytes(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tributary_connectors::sources::provider;
    use tributary_domain::id::TenantId;

    use super::*;
    use crate::SourceState;

    fn source(number: u128) -> SourceEntry {
        let provider = provider("tag").expect("a provider");
        let scripts = json!({ "scripts": [{ "name": "one", "code": "go()" }] });
        SourceEntry {
            tenant: TenantId::new(1, 1),
            source: SourceId::new(1, number),
            provider,
            settings: Arc::new(provider.check_settings(&scripts).expect("they are right")),
            keys: Vec::new(),
            body_limit: 100,
            state: SourceState::Live,
        }
    }

    fn failure(script: &str, sha256: &str, message: &str) -> ScriptFailure {
        ScriptFailure { script: script.to_owned(), sha256: sha256.to_owned(), message: message.to_owned() }
    }

    #[test]
    fn a_failure_is_news_once_in_a_while_and_others_are_others() {
        let lately = Lately::default();
        let (source, other) = (source(1), source(2));
        let failed = |script: &str| failure(script, "", "x is not defined");
        let at = Timestamp::from_seconds;
        assert!(lately.is_news(&source, &failed("one"), at(0)));
        assert!(!lately.is_news(&source, &failed("one"), at(599)));
        assert!(
            lately.is_news(&other, &failed("one"), at(1)) && lately.is_news(&source, &failed("two"), at(1))
        );
        assert!(lately.is_news(&source, &failed("one"), at(600)));
        for number in 0..3 * MOST {
            lately.is_news(&source, &failed(&number.to_string()), at(601));
        }
        assert!(lately.0.lock().expect("whole").len() <= MOST);
    }

    #[test]
    fn what_strangers_make_up_is_no_news_each_time() {
        let lately = Lately::default();
        let source = source(1);
        let hash = source.settings.tag().expect("a tag").scripts[0].sha256.clone();
        let news = |hash: &str, message: &str| {
            lately.is_news(&source, &failure("one", hash, message), Timestamp::from_seconds(1))
        };
        assert!(news(&hash, "x is not defined"));
        assert!(news(&"0".repeat(64), "x is not defined"), "other code of the same name is other code");
        for number in 0..100 {
            assert!(!news(&hash, &number.to_string()), "another message");
            assert!(!news(&format!("{number:064x}"), "x is not defined"), "another hash");
        }
    }
}
