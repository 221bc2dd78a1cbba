//! An appointment was booked.

use serde_json::json;
use tributary_domain::{
    booking::FollowUp,
    workflow::spec::{DateFormat, Group, Kind, Mapping, Op, Operator, ValueType, WorkflowSpec},
};

use super::shared;
use crate::sources::build::{all_of, attribute, condition, constant, path, single, with_step};

/// `invitee.created` as the standard event `Schedule`. The new half of a reschedule is no second booking: it restates the
/// first, and says from which one it was moved. A booking that is cancelled is taken back.
pub(super) fn spec() -> WorkflowSpec {
    let mut event_attributes = shared::event_attributes();
    event_attributes.push(attribute("rescheduled_from", "$.payload.old_invitee"));
    event_attributes.extend(payment());
    // When it was booked, never when it takes place: platforms refuse events of the future.
    let booked_at =
        single("event_time", ValueType::Time, vec![path("$.payload.created_at"), path("$.created_at")]);
    WorkflowSpec {
        kind: Kind::Track,
        filter: Some(shared::only("invitee.created")),
        event_name: Some(single("event_name", ValueType::String, vec![constant("Schedule")])),
        event_time: Some(with_step(booked_at, "to_date", Op::ToDate(DateFormat::Auto))),
        event_id: Some(single("event_id", ValueType::String, vec![path("$.payload.uri")])),
        identifiers: shared::identifiers(),
        user_traits: shared::user_traits(),
        event_attributes,
        follow_up: Some(FollowUp {
            retract_cancelled: true,
            restate_rescheduled: true,
            restate_paid: true,
            // Somebody booked, whether they came or not.
            retract_no_show: false,
        }),
        ..WorkflowSpec::default()
    }
}

/// What was paid, in whole units of the currency; nothing where the payment failed.
fn payment() -> [Mapping; 2] {
    let amount = Mapping { value_type: ValueType::Number, ..attribute("value", "$.payload.payment.amount") };
    let currency = attribute("currency", "$.payload.payment.currency");
    [
        Mapping { when: Some(was_paid("value_was_paid")), ..amount },
        Mapping { when: Some(was_paid("currency_was_paid")), ..currency },
    ]
}

fn was_paid(id: &str) -> Group {
    all_of(vec![condition(id, "$.payload.payment.successful", Operator::Equals, vec![json!(true)])])
}
