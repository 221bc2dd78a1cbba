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

/// The failures that were kept lately, by their source.
#[derive(Debug, Default)]
pub(super) struct Lately(Mutex<HashMap<(SourceId, ScriptFailure), Timestamp>>);

impl Lately {
    /// Whether this failure is to be kept, at `now`; if so, it is not for a while.
    pub(super) fn is_news(&self, source: SourceId, failure: &ScriptFailure, now: Timestamp) -> bool {
        // Each change is one step, so the map is whole even if whoever held the lock panicked.
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (source, failure.clone());
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
    use super::*;

    #[test]
    fn a_failure_is_news_once_in_a_while_and_others_are_others() {
        let lately = Lately::default();
        let failure = |script: &str| ScriptFailure {
            script: script.to_owned(),
            sha256: "0".repeat(64),
            message: "x is not defined".to_owned(),
        };
        let (source, other) = (SourceId::new(1, 1), SourceId::new(1, 2));
        let at = Timestamp::from_seconds;
        assert!(lately.is_news(source, &failure("one"), at(0)));
        assert!(!lately.is_news(source, &failure("one"), at(599)));
        assert!(
            lately.is_news(other, &failure("one"), at(1)) && lately.is_news(source, &failure("two"), at(1))
        );
        assert!(lately.is_news(source, &failure("one"), at(600)));
        for number in 0..3 * MOST {
            lately.is_news(source, &failure(&number.to_string()), at(601));
        }
        assert!(lately.0.lock().expect("whole").len() <= MOST);
    }
}
