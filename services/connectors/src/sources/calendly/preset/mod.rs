//! The workflows to start from.

mod booking;
mod cancellation;
mod no_show;
mod reschedule;
mod routing_form;
mod shared;

use crate::sources::Preset;

/// Every preset of Calendly, the one to begin with first.
pub(super) fn all() -> Vec<Preset> {
    vec![
        Preset {
            key: "calendly_booking",
            display_name: "Calendly booking",
            help: "Somebody booked an appointment: the event Schedule, at the time of booking.",
            provider_event: "invitee.created",
            spec: booking::spec(),
        },
        Preset {
            key: "calendly_canceled",
            display_name: "Calendly cancellation",
            help: "An appointment was canceled: the event ScheduleCanceled, at the time of canceling. Calendly also \
                   sends it for the old time of an appointment that is moved; rescheduled_to tells the new one.",
            provider_event: "invitee.canceled",
            spec: cancellation::spec(),
        },
        Preset {
            key: "calendly_rescheduled",
            display_name: "Calendly reschedule",
            help: "An appointment was moved to another time: the event ScheduleRescheduled, for those who want a separate \
                   event of it. The booking's workflow does not count it again: it restates its first Schedule.",
            provider_event: "invitee.created",
            spec: reschedule::spec(),
        },
        Preset {
            key: "calendly_no_show",
            display_name: "Calendly no-show",
            help: "Somebody was marked as not having come: the event ScheduleNoShow, at the time of marking.",
            provider_event: "invitee_no_show.created",
            spec: no_show::marked(),
        },
        Preset {
            key: "calendly_no_show_undone",
            display_name: "Calendly no-show undone",
            help: "The mark of a no-show was taken back: the event ScheduleNoShowUndone.",
            provider_event: "invitee_no_show.deleted",
            spec: no_show::taken_back(),
        },
        Preset {
            key: "calendly_routing_form",
            display_name: "Calendly routing form",
            help: "Somebody sent off a routing form: the event SubmitForm. It identifies by the cluid, and by answers \
                   to questions such as Email. Calendly sends it to subscriptions of a whole organization only.",
            provider_event: "routing_form_submission.created",
            spec: routing_form::spec(),
        },
    ]
}

#[cfg(test)]
mod tests;
