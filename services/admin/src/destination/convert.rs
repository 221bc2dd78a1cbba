//! Destinations between the contract, the connectors and the store.

use std::collections::{BTreeMap, BTreeSet};

use prost_types::Struct;
use serde_json::{Map, Value};
use tonic::Status;
use tributary_connectors::destinations::{self, Platform, Secrets};
use tributary_domain::{
    consent::{ConsentRule, MOST_PURPOSES},
    filter::CompiledFilter,
    health::{Flow, Health},
    time::Timestamp,
    workflow::spec::Group,
};
use tributary_proto::admin::v1::{self as proto, Destination, consent_rule::WhenUnknown, destination};
use tributary_store::{
    Secret,
    destination::{Credential, CredentialState, DestinationRecord, DestinationState},
};

use crate::{
    call::Located,
    check,
    convert::{
        spec,
        value::{from_struct, to_struct, to_time},
    },
    error::from_store,
    lifecycle,
    secret::masked,
    violations::Violations,
};

/// Settings of more bytes as JSON are no settings.
const MAX_SETTINGS: usize = 16 * 1024;
const MAX_SECRETS: usize = 20;
const MAX_SECRET_NAME: usize = 100;
const MAX_SECRET: usize = 4_096;
const MAX_EVENT_NAMES: usize = 200;
const MAX_EVENT_NAME: usize = 200;
/// As long as the name of a consent can be in a workflow.
const MAX_PURPOSE: usize = 100;

/// The settings of a destination; whether its platform takes them is for [`check_with_platform`].
pub(super) fn settings(given: Option<Struct>, violations: &mut Violations) -> Value {
    let given = given.map_or_else(|| Ok(Map::new()), |given| from_struct(&given));
    let settings = Value::Object(violations.take("destination.settings", given).unwrap_or_default());
    if settings.to_string().len() > MAX_SETTINGS {
        violations.add("destination.settings", format!("at most {MAX_SETTINGS} bytes as JSON"));
    }
    settings
}

/// The secrets of a destination, checked for their number and length.
pub(super) fn secrets(
    given: BTreeMap<String, String>,
    violations: &mut Violations,
) -> BTreeMap<String, Secret> {
    if given.len() > MAX_SECRETS {
        violations.add("destination.secrets", format!("at most {MAX_SECRETS} secrets"));
    }
    for (name, secret) in &given {
        violations.text("destination.secrets", name, MAX_SECRET_NAME);
        if secret.is_empty() || secret.len() > MAX_SECRET {
            violations.add(format!("destination.secrets[\"{name}\"]"), format!("1 to {MAX_SECRET} bytes"));
        }
    }
    given.into_iter().map(|(name, secret)| (name, Secret::new(secret))).collect()
}

/// Has the platform check settings and secrets together.
pub(super) fn check_with_platform(
    platform: &str,
    settings: &Value,
    secrets: &BTreeMap<String, Secret>,
    violations: &mut Violations,
) {
    let Some(platform) = destinations::find(platform) else {
        violations.add("destination.platform", "not a platform: see ListPlatforms");
        return;
    };
    let secrets: Secrets =
        secrets.iter().map(|(name, secret)| (name.clone(), secret.expose().to_owned())).collect();
    if let Err(error) = platform.check_settings(settings, &secrets) {
        violations.add(format!("destination.{}", error.path), error.message);
    }
}

/// Secrets that are stored go to no other place than they were entered for: whoever may change settings could have them sent
/// to a server of their own, and read them there.
pub(super) fn check_origin(platform: &str, now: &Value, then: &Value, violations: &mut Violations) {
    let about = destinations::find(platform).map(Platform::about);
    if about.is_some_and(|about| about.origins(now) != about.origins(then)) {
        violations.add(
            "destination.secrets",
            "base_url or token_url names another server: enter the secrets again with it",
        );
    }
}

/// The filter of a destination; one that does not compile is refused here, because nothing would pass it.
pub(super) fn filter(given: &proto::Group, violations: &mut Violations) -> Group {
    let group = spec::group_from_proto(given, "destination.filter", violations);
    if let Err(problems) = CompiledFilter::compile(&group) {
        for problem in problems {
            violations.add("destination.filter", format!("{}: {}", problem.reason, problem.fix));
        }
    }
    group
}

/// What people must have agreed to, checked.
pub(super) fn consent(given: proto::ConsentRule, violations: &mut Violations) -> ConsentRule {
    let at = "destination.consent";
    let allow_unknown = match given.when_unknown() {
        WhenUnknown::Allow => true,
        WhenUnknown::Deny | WhenUnknown::Unspecified => false,
    };
    if WhenUnknown::try_from(given.when_unknown).is_err() {
        violations.add(format!("{at}.when_unknown"), "expected DENY or ALLOW");
    }
    if given.purposes.is_empty() || given.purposes.len() > MOST_PURPOSES {
        violations.add(
            format!("{at}.purposes"),
            format!("1 to {MOST_PURPOSES} names of consents; leave the rule out to ask for none"),
        );
    }
    let mut known = BTreeSet::new();
    for (index, purpose) in given.purposes.iter().enumerate() {
        let field = format!("{at}.purposes[{index}]");
        let is_clean = purpose.trim() == purpose && !purpose.contains(char::is_control);
        if purpose.is_empty() || purpose.len() > MAX_PURPOSE || !is_clean {
            violations.add(&field, format!("1 to {MAX_PURPOSE} bytes without white space at the ends"));
        }
        if !known.insert(purpose) {
            violations.add(field, "named twice");
        }
    }
    ConsentRule { purposes: given.purposes, allow_unknown }
}

fn consent_to_proto(rule: ConsentRule) -> proto::ConsentRule {
    let unknown = if rule.allow_unknown { WhenUnknown::Allow } else { WhenUnknown::Deny };
    proto::ConsentRule { purposes: rule.purposes, when_unknown: unknown.into() }
}

/// From our names of events to the platform's, checked for their number and length.
pub(super) fn event_names(
    given: BTreeMap<String, String>,
    violations: &mut Violations,
) -> BTreeMap<String, String> {
    if given.len() > MAX_EVENT_NAMES {
        violations.add("destination.event_names", format!("at most {MAX_EVENT_NAMES} names"));
    }
    for (ours, theirs) in &given {
        for name in [ours, theirs] {
            if name.is_empty() {
                violations.add("destination.event_names", "names must not be empty");
            }
            violations.text("destination.event_names", name, MAX_EVENT_NAME);
        }
    }
    given.into_iter().collect()
}

/// How sending to a destination goes, as the contract has it.
pub(super) fn health(health: Health) -> proto::DestinationHealth {
    let (flow, since, until) = match health.flow {
        Flow::Open => (proto::destination_health::Flow::Open, None, None),
        Flow::Throttled { until } => (proto::destination_health::Flow::Throttled, None, Some(until)),
        Flow::Broken { since, probe_at } => {
            (proto::destination_health::Flow::Broken, Some(since), Some(probe_at))
        }
        Flow::Probing { since } => (proto::destination_health::Flow::Probing, Some(since), None),
    };
    let count = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    proto::DestinationHealth {
        flow: flow.into(),
        since_time: since.map(to_time),
        until_time: until.map(to_time),
        failure_count: count(health.failures),
        in_flight_count: count(health.in_flight),
        waiting_count: count(health.waiting),
        has_more: health.has_more,
    }
}

/// How a credential stands at `now`, as the contract has it.
fn credential_to_proto(credential: Credential, now: Timestamp) -> destination::Credential {
    use destination::credential::State;
    let state = match credential.state_at(now) {
        CredentialState::Unknown => State::Unknown,
        CredentialState::Valid => State::Valid,
        CredentialState::Expiring => State::Expiring,
        CredentialState::Expired => State::Expired,
        CredentialState::Revoked => State::Revoked,
        CredentialState::ScopeMissing => State::ScopeMissing,
    };
    let reason = match state {
        State::Expiring => "it ends soon: enter another one before that".to_owned(),
        State::Expired if credential.reason.is_empty() => "it has ended: enter another one".to_owned(),
        _ => credential.reason,
    };
    destination::Credential {
        state: state.into(),
        reason,
        since_time: credential.since.map(to_time),
        expire_time: credential.expires_at.map(to_time),
    }
}

/// A destination as the contract has it at `now`, with its secrets masked.
pub(super) async fn to_proto(
    located: &Located<'_>,
    record: DestinationRecord,
    now: Timestamp,
) -> Result<Destination, Status> {
    let masked_secrets = if record.has_secrets {
        let secrets = located.scope.destination_secrets(record.id).await.map_err(from_store)?;
        secrets.into_iter().map(|(name, secret)| (name, masked(secret.expose()))).collect()
    } else {
        BTreeMap::new()
    };
    let state = match record.state {
        DestinationState::Enabled => destination::State::Enabled,
        DestinationState::Paused => destination::State::Paused,
        DestinationState::Disabled => destination::State::Disabled,
    };
    let (delete_time, purge_time) = lifecycle::times(record.deleted_at);
    Ok(Destination {
        name: located.names.destination(record.id),
        key: record.key,
        display_name: record.display_name,
        platform: record.platform,
        settings: record.settings.as_object().map(to_struct),
        secrets: BTreeMap::new(),
        masked_secrets,
        filter: record.filter.as_ref().map(spec::group_to_proto),
        consent: record.consent.map(consent_to_proto),
        event_names: record.event_names.into_iter().collect(),
        state: state.into(),
        state_reason: record.state_reason,
        credential: Some(credential_to_proto(record.credential, now)),
        etag: check::etag(record.revision),
        create_time: Some(to_time(record.created_at)),
        update_time: Some(to_time(record.updated_at)),
        delete_time,
        purge_time,
        health: None,
    })
}
