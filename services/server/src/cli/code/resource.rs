//! What configuration as code knows: the resources of a tenant, each by its key, with the fields that a file says.

use std::{collections::BTreeMap, fmt};

use serde_json::Value as Json;
use tributary_domain::{retention::Retention, tenant::TenantSettings};
use tributary_proto::admin::v1::{Destination, RetentionSettings, Source, Tenant, Workflow};

use super::{form, secret::Secrets};

/// The server's own values where a file says nothing, as the contract tells them.
const BODY_LIMIT: i64 = 1024 * 1024;
const TIME_ZONE: &str = "UTC";

/// Which resource of the tenant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Address {
    /// The tenant itself.
    Tenant,
    /// A destination by its key.
    Destination(String),
    /// A source by its key.
    Source(String),
    /// A workflow by its key, of the source with this key.
    Workflow {
        /// The source's key.
        source: String,
        /// Its own key.
        key: String,
    },
}

impl Address {
    /// The kind of resource.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::Destination(_) => "destination",
            Self::Source(_) => "source",
            Self::Workflow { .. } => "workflow",
        }
    }

    /// The key of a workflow, which no other one of the tenant has.
    pub(super) fn workflow_key(&self) -> Option<&str> {
        match self {
            Self::Workflow { key, .. } => Some(key),
            _ => None,
        }
    }

    /// Its key; a workflow's with that of its source before it.
    pub(super) fn key(&self) -> String {
        match self {
            Self::Tenant => String::new(),
            Self::Destination(key) | Self::Source(key) => key.clone(),
            Self::Workflow { source, key } => format!("{source}/{key}"),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tenant => f.write_str("tenant"),
            other => write!(f, "{} {}", other.kind(), other.key()),
        }
    }
}

/// The fields of a resource as they are written, by the names that an update's mask has; null: not set. A workflow has
/// `draft` and `published`.
pub(super) type Fields = BTreeMap<&'static str, Json>;

/// Where something is said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// Which document of those that were read.
    pub(super) document: usize,
    /// The path in it.
    pub(super) path: String,
}

/// A resource that a file wants.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    /// Which.
    pub(super) address: Address,
    /// Where the file says so.
    pub(super) place: Place,
    /// Its fields.
    pub(super) fields: Fields,
    /// The field that never changes, and its value.
    pub(super) fixed: Option<(&'static str, String)>,
    /// Its secrets; none: the file says nothing of them.
    pub(super) secrets: Option<Secrets>,
}

/// A resource that is there.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Present {
    /// Its fields.
    pub(super) fields: Fields,
    /// The field that never changes, and its value.
    pub(super) fixed: Option<(&'static str, String)>,
    /// Its secrets, masked.
    pub(super) masks: BTreeMap<String, String>,
}

/// The member `name` of what was written; null where it was left out.
fn member(written: &Json, name: &str) -> Json {
    written.get(name).cloned().unwrap_or_default()
}

/// An empty map where nothing was written.
fn map(written: &Json, name: &str) -> Json {
    match member(written, name) {
        Json::Null => Json::Object(serde_json::Map::new()),
        map => map,
    }
}

/// What differs of the defaults, which go without saying; nothing where none does.
fn unusual(kept: RetentionSettings) -> Option<RetentionSettings> {
    let usual = Retention::default();
    let unless = |days: i32, usual: u32| if days.cast_unsigned() == usual { 0 } else { days };
    let logs_days = unless(kept.logs_days, usual.logs_days);
    let longest =
        if logs_days == 0 { usual.bodies_days } else { usual.bodies_days.min(logs_days.cast_unsigned()) };
    let unusual = RetentionSettings {
        bodies_days: unless(kept.bodies_days, longest),
        logs_days,
        dedupe_days: unless(kept.dedupe_days, usual.dedupe_days),
    };
    (unusual != RetentionSettings::default()).then_some(unusual)
}

/// The fields of a tenant.
///
/// # Errors
/// When the build's descriptors do not fit.
pub(super) fn tenant(tenant: &Tenant) -> anyhow::Result<Fields> {
    let mut settings = tenant.settings.clone().unwrap_or_default();
    if settings.time_zone == TIME_ZONE {
        settings.time_zone = String::new();
    }
    let usual = TenantSettings::default();
    for (given, usual) in [
        (&mut settings.strong_limit, usual.strong_limit),
        (&mut settings.weak_limit, usual.weak_limit),
        (&mut settings.guard_people, usual.guard_people),
        (&mut settings.guard_hours, usual.guard_hours),
    ] {
        if i32::try_from(usual) == Ok(*given) {
            *given = 0;
        }
    }
    settings.retention = settings.retention.and_then(unusual);
    let settings = form::write(&settings)?.to_json();
    Ok([("display_name", tenant.display_name.as_str().into()), ("settings", settings)].into())
}

/// The fields of a source.
///
/// # Errors
/// When the build's descriptors do not fit.
pub(super) fn source(source: &Source) -> anyhow::Result<Fields> {
    let written = form::write(source)?.to_json();
    let limit = Some(source.body_limit).filter(|limit| *limit != 0 && *limit != BODY_LIMIT);
    Ok([
        ("display_name", source.display_name.as_str().into()),
        ("settings", map(&written, "settings")),
        ("body_limit", limit.map_or(Json::Null, Json::from)),
    ]
    .into())
}

/// The fields of a workflow.
///
/// # Errors
/// When the build's descriptors do not fit.
pub(super) fn workflow(workflow: &Workflow) -> anyhow::Result<Fields> {
    let written = form::write(workflow)?.to_json();
    let delay = workflow.delay.filter(|delay| (delay.seconds, delay.nanos) != (0, 0));
    Ok([
        ("display_name", workflow.display_name.as_str().into()),
        ("order", workflow.order.into()),
        ("delay", delay.map_or(Json::Null, |_| member(&written, "delay"))),
        ("draft", map(&written, "draft")),
        ("published", member(&written, "published")),
    ]
    .into())
}

/// The fields of a destination.
///
/// # Errors
/// When the build's descriptors do not fit.
pub(super) fn destination(destination: &Destination) -> anyhow::Result<Fields> {
    let written = form::write(destination)?.to_json();
    Ok([
        ("display_name", destination.display_name.as_str().into()),
        ("settings", map(&written, "settings")),
        ("filter", member(&written, "filter")),
        ("consent", member(&written, "consent")),
        ("event_names", map(&written, "event_names")),
    ]
    .into())
}
