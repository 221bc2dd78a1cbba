//! What all that can be deleted has in common.

use prost_types::Timestamp as Time;
use tonic::Status;
use tributary_domain::time::Timestamp;
use tributary_proto::admin::v1::DeletionPreview;
use tributary_store::{
    Show,
    lifecycle::{Preview, purge_time},
    sort::{By, Listing, Sort},
};

use crate::{check, convert::value::to_time, violations::invalid};

/// When something was deleted, and from when on it is removed.
pub(crate) fn times(deleted_at: Option<Timestamp>) -> (Option<Time>, Option<Time>) {
    (deleted_at.map(to_time), deleted_at.map(purge_time).map(to_time))
}

/// What a list of resources shows, and in which order.
///
/// # Errors
/// INVALID_ARGUMENT for an order that there is not.
pub(crate) fn listing(show_deleted: bool, order_by: &str) -> Result<Listing, Status> {
    let mut words = order_by.split_ascii_whitespace();
    let by = match words.next() {
        None | Some("create_time") => By::Made,
        Some("display_name") => By::DisplayName,
        Some("key") => By::Key,
        Some(_) => return Err(no_order()),
    };
    let descending = match words.next() {
        None | Some("asc") => false,
        Some("desc") => true,
        Some(_) => return Err(no_order()),
    };
    if words.next().is_some() {
        return Err(no_order());
    }
    let show = if show_deleted { Show::All } else { Show::Live };
    Ok(Listing { show, sort: Sort { by, descending } })
}

fn no_order() -> Status {
    invalid("order_by", "must be `create_time`, `display_name` or `key`, and perhaps ` desc` after it")
}

/// As parts of what tells lists apart.
pub(crate) fn words(listing: Listing) -> [&'static str; 3] {
    [
        if listing.show == Show::All { "deleted too" } else { "" },
        match listing.sort.by {
            By::Made => "",
            By::DisplayName => "display_name",
            By::Key => "key",
        },
        if listing.sort.descending { "desc" } else { "" },
    ]
}

/// The revision that bringing something back is based on, where the caller says one.
///
/// # Errors
/// ABORTED when the etag cannot be one of ours.
pub(crate) fn revision(etag: &str) -> Result<Option<u64>, Status> {
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
