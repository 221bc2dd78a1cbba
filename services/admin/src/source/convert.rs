//! Sources between the contract, the connectors and the store.

use prost_types::Struct;
use serde_json::{Map, Value};
use tonic::Status;
use tributary_connectors::sources;
use tributary_proto::admin::v1::{Source, source};
use tributary_store::{Secret, source::SourceRecord};

use super::{browser, calendly};
use crate::{
    AdminContext,
    call::Located,
    check,
    convert::value::{from_struct, to_struct, to_time},
    error::{from_store, optional},
    lifecycle,
    secret::masked,
    violations::Violations,
};

const DEFAULT_BODY_LIMIT: u64 = 1024 * 1024;
const SMALLEST_BODY_LIMIT: u64 = 1024;
const LARGEST_BODY_LIMIT: u64 = 8 * 1024 * 1024;
const MAX_KEYS: usize = 5;
const MAX_KEY: usize = 512;

/// The settings of a source, checked by its provider.
pub(super) fn settings(provider: &str, given: Option<Struct>, violations: &mut Violations) -> Value {
    let given = given.map_or_else(|| Ok(Map::new()), |given| from_struct(&given));
    let settings = Value::Object(violations.take("source.settings", given).unwrap_or_default());
    match sources::provider(provider) {
        Some(known) => {
            let most = known.largest_settings();
            if settings.to_string().len() > most {
                violations.add("source.settings", format!("at most {most} bytes as JSON"));
            } else if let Err(error) = known.check_settings(&settings) {
                let path = if error.path.is_empty() { String::new() } else { format!(".{}", error.path) };
                violations.add(format!("source.settings{path}"), error.message);
            }
        }
        None => violations.add("source.provider", "not a provider: see ListProviders"),
    }
    settings
}

/// The largest body that a source takes, in bytes.
pub(super) fn body_limit(given: i64, violations: &mut Violations) -> u64 {
    match u64::try_from(given) {
        Ok(0) => DEFAULT_BODY_LIMIT,
        Ok(limit) if (SMALLEST_BODY_LIMIT..=LARGEST_BODY_LIMIT).contains(&limit) => limit,
        _ => {
            let range =
                format!("{SMALLEST_BODY_LIMIT} to {LARGEST_BODY_LIMIT}, or 0 for {DEFAULT_BODY_LIMIT}");
            violations.add("source.body_limit", range);
            DEFAULT_BODY_LIMIT
        }
    }
}

/// Signing keys, checked for their number and length, by their provider, and for whether there is anybody who could sign with
/// them.
pub(super) fn signing_keys(provider: &str, given: Vec<String>, violations: &mut Violations) -> Vec<Secret> {
    if !given.is_empty() && browser::is_public(provider) {
        violations.add("signing_keys", "has to be empty: pages cannot keep a key");
    }
    let provider = sources::provider(provider);
    if given.len() > MAX_KEYS {
        violations.add("signing_keys", format!("at most {MAX_KEYS} keys"));
    }
    for (index, key) in given.iter().enumerate() {
        let path = format!("signing_keys[{index}]");
        if key.is_empty() {
            violations.add(&path, "has to be set");
        } else if let Some(Err(expected)) = provider.map(|provider| provider.check_key(key)) {
            violations.add(&path, expected);
        }
        violations.text(&path, key, MAX_KEY);
    }
    given.into_iter().map(Secret::new).collect()
}

/// A source as the contract has it, with its secrets as far as they are shown.
pub(super) async fn to_proto(
    context: &AdminContext,
    located: &Located<'_>,
    record: SourceRecord,
) -> Result<Source, Status> {
    let masked_signing_keys = if record.is_signed {
        let door = located.scope.door_source(record.id).await.map_err(from_store)?;
        door.signing_keys.iter().map(|key| masked(key.expose())).collect()
    } else {
        Vec::new()
    };
    let secrets = located.scope.source_secrets(record.id).await.map_err(from_store)?;
    let browser = browser::to_proto(context, &record, &secrets);
    let url_secrets = secrets.into_iter().map(|secret| source::UrlSecret {
        prefix: secret.prefix,
        create_time: Some(to_time(secret.created_at)),
        expire_time: secret.expires_at.map(to_time),
    });
    let connection = optional(located.scope.connection(record.id).await)?.map(calendly::to_proto);
    let (delete_time, purge_time) = lifecycle::times(record.deleted_at);
    Ok(Source {
        name: located.names.source(record.id),
        key: record.key,
        display_name: record.display_name,
        provider: record.provider,
        settings: record.settings.as_object().map(to_struct),
        masked_signing_keys,
        url_secrets: url_secrets.collect(),
        body_limit: i64::try_from(record.body_limit).unwrap_or(i64::MAX),
        etag: check::etag(record.revision),
        create_time: Some(to_time(record.created_at)),
        update_time: Some(to_time(record.updated_at)),
        delete_time,
        purge_time,
        browser,
        connection,
    })
}
