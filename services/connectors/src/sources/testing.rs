//! What tests of providers share.

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use tributary_domain::{
    id::MessageId,
    tenant::TenantSettings,
    time::Timestamp,
    workflow::{compile::CompiledWorkflow, evaluate::MessageView, event::RunOutcome},
};

use super::{Facts, Provider, Sending, Signature, SourceSettings, Webhook};

/// Headers of these names and values.
pub(super) fn headers(pairs: &[(impl AsRef<str>, impl AsRef<str>)]) -> HeaderMap {
    let header = |(name, value): &(_, _)| {
        let name: &str = AsRef::<str>::as_ref(name);
        let value: &str = AsRef::<str>::as_ref(value);
        (HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap())
    };
    pairs.iter().map(header).collect()
}

/// Checks a request at a URL that nobody signs.
pub(super) fn verify(
    provider: &dyn Provider,
    settings: &SourceSettings,
    keys: &[String],
    headers: &HeaderMap,
    body: &[u8],
    now: Timestamp,
) -> Result<Signature, super::SignatureError> {
    let webhook = Webhook { origin: "https://in.example.com", target: "/in/secret", headers, body };
    provider.verify(settings, keys, &webhook, now)
}

/// Signs a body for the same URL.
pub(super) fn sign(
    provider: &dyn Provider,
    settings: &SourceSettings,
    key: &str,
    body: &[u8],
    now: Timestamp,
) -> Vec<(String, String)> {
    let sending = Sending {
        url: "https://in.example.com/in/secret",
        id: "dlv_1",
        event: "",
        content_type: "application/json",
        body,
    };
    provider.sign(settings, key, &sending, now)
}

/// What a preset makes of a body that came with these headers.
pub(super) fn run(provider: &dyn Provider, preset: &str, headers: &HeaderMap, body: &Value) -> RunOutcome {
    let preset = provider.presets().into_iter().find(|known| known.key == preset).unwrap();
    let (workflow, problems) = CompiledWorkflow::compile(&preset.spec);
    assert_eq!(problems, [], "{}", preset.key);
    let facts = facts(provider, headers, body);
    let message = MessageView {
        id: MessageId::new(1, 1),
        received: Timestamp::from_seconds(1_800_000_000),
        body,
        provider_event: facts.provider_event.as_deref(),
        cluid: facts.cluid.found(),
        source_name: provider.display_name(),
        booking: facts.booking.as_ref(),
    };
    workflow.unwrap().evaluate(&message, &TenantSettings::default())
}

/// What a request says of itself.
pub(super) fn facts(provider: &dyn Provider, headers: &HeaderMap, body: &Value) -> Facts {
    provider.facts(&provider.check_settings(&Value::Null).unwrap(), headers, body)
}
