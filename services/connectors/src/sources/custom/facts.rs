//! What a custom body says of itself, where its owner says it does.

use http::HeaderMap;
use serde_json::Value;

use crate::sources::{
    Facts, SourceSettings,
    facts::{bounded_key, hashed_key, scalar_at},
    headers::{IDEMPOTENCY, text},
};

/// The facts of a request.
pub(super) fn of(settings: &SourceSettings, headers: &HeaderMap, body: &Value) -> Facts {
    Facts {
        provider_event: settings.event_path.as_ref().and_then(|path| scalar_at(body, path)),
        dedupe_key: dedupe_key(settings, headers, body),
        cluid: settings.cluid.read(body),
        cluid_path: settings.cluid.path.to_string(),
        notice: None,
        booking: settings.booking.as_ref().and_then(|paths| paths.facts(body)),
    }
}

/// By the path where one is set, even if it finds nothing: a sender that names its deliveries in two ways would
/// otherwise be compared across them. Else by the sender's header. By the body only where its owner asks: two
/// people can fill in one form alike.
fn dedupe_key(settings: &SourceSettings, headers: &HeaderMap, body: &Value) -> Option<String> {
    if let Some(path) = &settings.dedupe_path {
        return scalar_at(body, path).map(bounded_key);
    }
    from_header(headers).or_else(|| settings.dedupe_by_body.then(|| hashed_key(body.to_string().as_bytes())))
}

fn from_header(headers: &HeaderMap) -> Option<String> {
    IDEMPOTENCY.iter().find_map(|name| text(headers, name).map(|value| bounded_key(value.to_owned())))
}
