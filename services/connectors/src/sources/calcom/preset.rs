//! The workflows to start from.

use tributary_domain::{
    booking::FollowUp,
    workflow::spec::{Mapping, WorkflowSpec},
};

use crate::sources::{
    Preset,
    build::{
        any_of, attribute, cluid, every, first_name, identifier, last_name, only, paths, phone, primary,
        track, user_trait,
    },
};

const EMAIL: [&str; 2] = ["$.payload.attendees[0].email", "$.payload.responses.email.value"];
const PHONE: [&str; 2] =
    ["$.payload.attendees[0].phoneNumber", "$.payload.responses.attendeePhoneNumber.value"];

/// Every preset of Cal.com, the one to begin with first.
pub(super) fn all() -> Vec<Preset> {
    vec![
        Preset {
            key: "calcom_booking",
            display_name: "Cal.com booking",
            help: "Somebody booked an appointment, or moved one: the event Schedule, once for a booking.",
            provider_event: "BOOKING_CREATED",
            spec: booking(),
        },
        Preset {
            key: "calcom_canceled",
            display_name: "Cal.com cancellation",
            help: "An appointment was canceled: the event ScheduleCanceled.",
            provider_event: "BOOKING_CANCELLED",
            spec: canceled(),
        },
        Preset {
            key: "calcom_no_show",
            display_name: "Cal.com no-show",
            help: "Somebody was marked as not having come: the event ScheduleNoShow for each.",
            provider_event: "BOOKING_NO_SHOW_UPDATED",
            spec: no_show(),
        },
    ]
}

fn identifiers() -> Vec<Mapping> {
    vec![
        cluid("$.payload.metadata.cluid"),
        identifier("email", paths(&EMAIL)),
        identifier("phone", paths(&PHONE)),
    ]
}

fn user_traits() -> Vec<Mapping> {
    let whole = &["$.payload.attendees[0].name", "$.payload.responses.name.value"];
    vec![
        user_trait("email", paths(&EMAIL)),
        first_name(&[], whole),
        last_name(&[], whole),
        phone(&PHONE),
        user_trait("time_zone", paths(&["$.payload.attendees[0].timeZone"])),
    ]
}

/// Answers are left out: people tell their business or their health in them.
fn event_attributes() -> Vec<Mapping> {
    vec![
        attribute("content_name", "$.payload.eventTitle"),
        attribute("start_time", "$.payload.startTime"),
        attribute("end_time", "$.payload.endTime"),
        attribute("event_type", "$.payload.type"),
        attribute("booking_uid", "$.payload.uid"),
    ]
}

/// A booking that is moved comes as another one, which names the first: it restates what was told.
fn booking() -> WorkflowSpec {
    let mut event_attributes = event_attributes();
    event_attributes.push(attribute("rescheduled_from", "$.payload.rescheduleUid"));
    WorkflowSpec {
        identifiers: identifiers(),
        user_traits: user_traits(),
        event_attributes,
        follow_up: Some(FollowUp {
            retract_cancelled: true,
            restate_rescheduled: true,
            ..FollowUp::default()
        }),
        ..track(
            "Schedule",
            any_of(&["BOOKING_CREATED", "BOOKING_RESCHEDULED"]),
            &["$.createdAt"],
            &["$.payload.uid"],
        )
    }
}

fn canceled() -> WorkflowSpec {
    WorkflowSpec {
        identifiers: identifiers(),
        user_traits: user_traits(),
        event_attributes: event_attributes(),
        ..track("ScheduleCanceled", only("BOOKING_CANCELLED"), &["$.createdAt"], &["$.payload.uid"])
    }
}

/// The message names attendees only, each with a mark that is set or taken back.
fn no_show() -> WorkflowSpec {
    WorkflowSpec {
        for_each: Some(every("$.payload.attendees[?@.noShow == true]")),
        identifiers: vec![primary(identifier("email", paths(&["$.email"])))],
        event_attributes: vec![attribute("booking_uid", "$$.payload.bookingUid")],
        ..track("ScheduleNoShow", only("BOOKING_NO_SHOW_UPDATED"), &["$$.createdAt"], &[])
    }
}
