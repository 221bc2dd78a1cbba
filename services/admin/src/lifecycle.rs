//! What all that can be deleted has in common.

use prost_types::Timestamp as Time;
use tributary_domain::time::Timestamp;
use tributary_proto::admin::v1::DeletionPreview;
use tributary_store::{
    Show,
    lifecycle::{Preview, purge_time},
};

use crate::{check, convert::value::to_time};

/// When something was deleted, and from when on it is removed.
pub(crate) fn times(deleted_at: Option<Timestamp>) -> (Option<Time>, Option<Time>) {
    (deleted_at.map(to_time), deleted_at.map(purge_time).map(to_time))
}

/// What a list shows.
pub(crate) fn show(deleted: bool) -> Show {
    if deleted { Show::All } else { Show::Live }
}

/// As a part of what tells lists apart.
pub(crate) fn word(deleted: bool) -> &'static str {
    if deleted { "deleted too" } else { "" }
}

/// The revision that bringing something back is based on, where the caller says one.
///
/// # Errors
/// ABORTED when the etag cannot be one of ours.
pub(crate) fn revision(etag: &str) -> Result<Option<u64>, tonic::Status> {
    if etag.is_empty() { Ok(None) } else { check::revision("etag", etag).map(Some) }
}

/// What would go, if it was deleted `now`.
pub(crate) fn preview(counted: Preview, now: Timestamp) -> DeletionPreview {
    let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    DeletionPreview {
        source_count: count(counted.sources),
        workflow_count: count(counted.workflows),
        workflow_version_count: count(counted.workflow_versions),
        destination_count: count(counted.destinations),
        message_count: count(counted.messages),
        profile_count: count(counted.profiles),
        waiting_delivery_count: count(counted.waiting_deliveries),
        held_message_count: count(counted.held_messages),
        parked_message_count: count(counted.parked_messages),
        purge_time: Some(to_time(purge_time(now))),
    }
}
