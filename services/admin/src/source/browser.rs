//! What pages need that send to a source.

use tributary_connectors::sources;
use tributary_domain::time::Timestamp;
use tributary_proto::admin::v1::{Browser, browser};
use tributary_store::source::{SecretRecord, SourceRecord, UrlSecret};

use crate::AdminContext;

/// Whether web pages send to sources of this provider, with a key that everybody may see.
pub(crate) fn is_public(provider: &str) -> bool {
    sources::provider(provider).is_some_and(sources::Provider::is_public)
}

/// What is kept of the secret of a source's URL: all of it where it is none.
pub(super) fn url_secret(provider: &str, secret: &str) -> UrlSecret {
    if is_public(provider) { UrlSecret::public(secret) } else { UrlSecret::of(secret) }
}

/// What pages need; nothing where services send to the source. `secrets` are those of its URL; the key is the one that
/// is valid for longest.
pub(super) fn to_proto(
    context: &AdminContext,
    record: &SourceRecord,
    secrets: &[SecretRecord],
) -> Option<Browser> {
    let provider = sources::provider(&record.provider)?;
    let settings = provider.check_settings(&record.settings).ok()?;
    let tag = settings.tag()?;
    let now = context.clock.now();
    let is_valid = |secret: &&SecretRecord| secret.expires_at.is_none_or(|end| end > now);
    let end = |secret: &&SecretRecord| secret.expires_at.map_or(i64::MAX, Timestamp::micros);
    let longest = secrets.iter().filter(is_valid).max_by_key(end);
    let write_key = longest.map(|secret| secret.prefix.clone()).unwrap_or_default();
    let scripts = tag.scripts.iter().map(|script| browser::Script {
        name: script.name.clone(),
        sha256: script.sha256.clone(),
        sites: script.sites.clone(),
        enabled: script.enabled,
    });
    Some(Browser {
        tag_url: format!("{}/tag/{write_key}.js", context.public_url),
        collect_url: context.webhook_url(&record.provider, &write_key),
        write_key,
        scripts: scripts.collect(),
    })
}
