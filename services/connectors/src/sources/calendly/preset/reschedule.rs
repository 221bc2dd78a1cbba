//! An appointment was moved.

use tributary_domain::workflow::spec::{Operator, WorkflowSpec};

use super::booking;
use crate::sources::build;

/// The new half of a reschedule as the event `ScheduleRescheduled`: Calendly has no event of its own for it, but books the
/// new time with the old booking named. The booking's own workflow restates its first `Schedule` with it; this is a
/// separate event, for those who want one.
pub(super) fn spec() -> WorkflowSpec {
    let mut spec = booking::spec();
    if let Some(filter) = &mut spec.filter {
        filter.nodes.push(build::condition(
            "filter_rescheduled",
            "$.payload.old_invitee",
            Operator::NotEmpty,
            Vec::new(),
        ));
    }
    if let Some(name) = &mut spec.event_name {
        name.inputs = vec![build::constant("ScheduleRescheduled")];
    }
    // The booking's own workflow follows the booking up. That it was moved stays true, whatever becomes of it.
    spec.follow_up = None;
    // What was paid was paid for the first booking.
    spec.event_attributes.retain(|mapping| !["value", "currency"].contains(&mapping.target.as_str()));
    spec
}
