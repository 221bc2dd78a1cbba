//! What a destination's actor is told.

use std::{collections::HashSet, sync::Arc};

use actix::Message;
use tokio::sync::oneshot;
use tributary_domain::{health::Health, id::ProfileId};
use tributary_store::ledger::ReadyDelivery;

/// Deliveries that were just committed.
#[derive(Debug)]
pub(super) struct Offer(pub(super) Vec<ReadyDelivery>);

/// The configuration may be another: load it again.
#[derive(Debug)]
pub(super) struct Reload;

/// The database has deliveries that were not offered: look there now.
#[derive(Debug)]
pub(super) struct Look;

/// These people were erased: what waits of them is not sent. The answer says whether something of them is, or may be, under
/// way.
#[derive(Debug)]
pub(super) struct Forget(pub(super) Arc<HashSet<ProfileId>>);

/// How does sending go?
#[derive(Debug)]
pub(super) struct Examine;

/// Begin nothing new; the receiver hears when everything under way has ended and is recorded.
#[derive(Debug)]
pub(super) struct Drain;

impl Message for Offer {
    type Result = ();
}

impl Message for Reload {
    type Result = ();
}

impl Message for Look {
    type Result = ();
}

impl Message for Forget {
    type Result = bool;
}

impl Message for Examine {
    type Result = Health;
}

impl Message for Drain {
    type Result = oneshot::Receiver<()>;
}
