//! The workflows to start from.

use tributary_domain::{
    booking::FollowUp,
    workflow::spec::{Input, Mapping, ValueType, WorkflowSpec},
};

use crate::sources::{
    Preset,
    build::{
        any_of, attribute, cluid, every, first_name, identifier, last_name, only, paths, phone, primary,
        single, track, user_trait,
    },
};

/// Where a message says who it is about, best first.
struct Who {
    email: [&'static str; 2],
    phone: [&'static str; 2],
    name: [&'static str; 2],
    /// Where a name stands that is asked for in two fields.
    names: &'static [[&'static str; 1]],
    time_zone: &'static str,
}

/// A field of the first attendee, where that is who books: not where seats are booked one by one.
macro_rules! booker {
    ($field:literal) => {
        concat!("$[?!@.attendeeSeatId || @.attendeeSeatId == null].attendees[0].", $field)
    };
}

const ATTENDEE: [&str; 3] =
    ["$.payload.attendees[0].email", "$.payload.attendees[0].phoneNumber", "$.payload.attendees[0].name"];
const ANSWERS: [&str; 3] = [
    "$.payload.responses.email.value",
    "$.payload.responses.attendeePhoneNumber.value",
    "$.payload.responses.name.value",
];
/// The answers are of who books. Where there are several seats, those who took one before stand first among the attendees
/// (`createNewSeat` in Cal.com's own source): what is theirs is nobody else's.
const BOOKS: Who = Who {
    names: &[["$.payload.responses.name.value.firstName"], ["$.payload.responses.name.value.lastName"]],
    time_zone: booker!("timeZone"),
    ..who(ANSWERS, [booker!("email"), booker!("phoneNumber"), booker!("name")])
};
/// Of several seats, only who gives one up is an attendee; the answers are of who booked first.
const GIVES_UP: Who = who(ATTENDEE, ANSWERS);

const fn who(best: [&'static str; 3], other: [&'static str; 3]) -> Who {
    Who {
        email: [best[0], other[0]],
        phone: [best[1], other[1]],
        name: [best[2], other[2]],
        names: &[],
        time_zone: "$.payload.attendees[0].timeZone",
    }
}

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

fn identifiers(who: &Who) -> Vec<Mapping> {
    vec![
        cluid("$.payload.metadata.cluid"),
        identifier("email", paths(&who.email)),
        identifier("phone", paths(&who.phone)),
    ]
}

fn user_traits(who: &Who) -> Vec<Mapping> {
    let own = |index: usize| who.names.get(index).map_or(&[][..], |path| &path[..]);
    vec![
        user_trait("email", paths(&who.email)),
        first_name(own(0), &who.name),
        last_name(own(1), &who.name),
        phone(&who.phone),
        user_trait("time_zone", paths(&[who.time_zone])),
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

/// What tells an event from others: the booking's uid, and what there is of these.
fn id(more: &str) -> Mapping {
    single("event_id", ValueType::String, vec![Input::Template(format!("{{{{ $.payload.uid }}}} {more}"))])
}

const SEAT: &str = "{{ $.payload.attendeeSeatId }}";

/// A booking that is moved comes as another one, which names the first: it restates what was told.
fn booking() -> WorkflowSpec {
    let mut event_attributes = event_attributes();
    event_attributes.push(attribute("rescheduled_from", "$.payload.rescheduleUid"));
    WorkflowSpec {
        identifiers: identifiers(&BOOKS),
        user_traits: user_traits(&BOOKS),
        event_attributes,
        event_id: Some(id(SEAT)),
        follow_up: Some(FollowUp {
            retract_cancelled: true,
            restate_rescheduled: true,
            ..FollowUp::default()
        }),
        ..track("Schedule", any_of(&["BOOKING_CREATED", "BOOKING_RESCHEDULED"]), &["$.createdAt"], &[])
    }
}

fn canceled() -> WorkflowSpec {
    WorkflowSpec {
        identifiers: identifiers(&GIVES_UP),
        user_traits: user_traits(&GIVES_UP),
        event_attributes: event_attributes(),
        // It may be any of several seats that are given up one after another, and need not say which.
        event_id: Some(id("{{ $.createdAt }}")),
        ..track("ScheduleCanceled", only("BOOKING_CANCELLED"), &["$.createdAt"], &[])
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
