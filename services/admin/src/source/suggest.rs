//! Mappings that are proposed for a source.

use http::HeaderMap;
use serde_json::Value;
use tonic::Status;
use tributary_connectors::sources::{self, Facts};
use tributary_domain::{
    tenant::TenantSettings,
    time::Timestamp,
    workflow::suggest::{self, Sample, Suggestion},
};
use tributary_proto::admin::v1::{MappingSuggestion, Message, SuggestMappingsResponse};
use tributary_store::source::SourceRecord;

use crate::{
    call::Located,
    convert::{enums::Twin, spec, value::from_time},
    error::internal,
    masking::is_impersonal,
    violations::invalid,
};

/// The largest body that is looked at: a request with it has room in what is accepted.
const MAX_BODY: usize = 512 * 1024;

/// What there is to learn from.
#[derive(Debug)]
struct Read {
    body: Value,
    received: Timestamp,
    facts: Option<Facts>,
}

/// Proposes mappings from the newest messages of a source.
///
/// # Errors
/// INTERNAL when it panicked.
pub(super) async fn of_messages(
    located: &Located<'_>,
    source: SourceRecord,
    messages: Vec<Message>,
) -> Result<SuggestMappingsResponse, Status> {
    let (settings, shows) = (located.record.settings.clone(), shows(located));
    aside(move || {
        let read = messages.iter().filter_map(|message| {
            // Only JSON is accepted; what has no body any more has nothing to learn from.
            let body = serde_json::from_str(&message.body).ok()?;
            let received = message.receive_time.and_then(|time| from_time(time).ok()).unwrap_or_default();
            Some(of_body(&source, body, received))
        });
        let read: Vec<Read> = read.collect();
        let names =
            messages.into_iter().filter(|message| !message.body.is_empty()).map(|message| message.name);
        SuggestMappingsResponse { messages: names.collect(), ..propose(&settings, &read, shows) }
    })
    .await
}

/// Proposes mappings from a body, as if it came now.
///
/// # Errors
/// INVALID_ARGUMENT when it is too large, or is no JSON; INTERNAL when it panicked.
pub(super) async fn of_text(
    located: &Located<'_>,
    source: SourceRecord,
    body: String,
    now: Timestamp,
) -> Result<SuggestMappingsResponse, Status> {
    if body.len() > MAX_BODY {
        return Err(invalid("body", format!("at most {MAX_BODY} bytes")));
    }
    let (settings, shows) = (located.record.settings.clone(), shows(located));
    let proposed = aside(move || {
        let body = serde_json::from_str(&body)
            .map_err(|error| invalid("body", format!("not JSON, at line {}", error.line())))?;
        Ok(propose(&settings, &[of_body(&source, body, now)], shows))
    });
    proposed.await?
}

/// On a thread of its own, because it may take a while; a panic ends there.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Status> {
    tokio::task::spawn_blocking(work).await.map_err(|error| internal(&error))
}

fn of_body(source: &SourceRecord, body: Value, received: Timestamp) -> Read {
    let facts = sources::provider(&source.provider).and_then(|provider| {
        let settings = provider.check_settings(&source.settings).ok()?;
        Some(provider.facts(&settings, &HeaderMap::new(), &body))
    });
    Read { body, received, facts }
}

/// Which paths the caller may see. A draft is read by programs, so what is personal in it cannot be masked: it is left out.
fn shows(located: &Located<'_>) -> fn(&str) -> bool {
    if located.sees_personal { |_| true } else { is_impersonal }
}

fn propose(settings: &TenantSettings, read: &[Read], shows: fn(&str) -> bool) -> SuggestMappingsResponse {
    let samples: Vec<Sample<'_>> = read
        .iter()
        .map(|Read { body, received, facts }| Sample {
            body,
            received: *received,
            provider_event: facts.as_ref().and_then(|facts| facts.provider_event.as_deref()),
            cluid: facts.as_ref().and_then(|facts| facts.cluid.found()),
        })
        .collect();
    let found = suggest::suggest(&samples, settings, shows);
    SuggestMappingsResponse {
        suggestions: found.list.into_iter().map(suggestion).collect(),
        spec: found.spec.as_ref().map(spec::to_proto),
        messages: Vec::new(),
        sample_count: i32::try_from(samples.len()).unwrap_or(i32::MAX),
    }
}

fn suggestion(found: Suggestion) -> MappingSuggestion {
    MappingSuggestion {
        section: found.section.as_str().to_owned(),
        target: found.target,
        path: found.path,
        sample_value: found.sample_value,
        confidence: found.confidence.number(),
        reason: found.reason,
        in_spec: found.in_spec,
    }
}
