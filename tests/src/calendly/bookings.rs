//! What is booked: an event of one person each.

use serde_json::{Value, json};

use super::{
    Calendly, HOME,
    account::Account,
    time::{later, now},
};

/// A booking.
#[derive(Debug, Clone)]
pub(super) struct Booked {
    pub(super) number: u32,
    pub(super) start: String,
    created_at: String,
    changed_at: String,
    cancelled_at: Option<String>,
    pub(super) no_show_at: Option<String>,
}

impl Booked {
    pub(super) fn event_uri(&self) -> String {
        format!("{HOME}/scheduled_events/EVENT{:06}", self.number)
    }

    fn invitee_uri(&self) -> String {
        format!("{}/invitees/INVITEE{:06}", self.event_uri(), self.number)
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled_at.is_some()
    }

    fn status(&self) -> &'static str {
        if self.is_cancelled() { "canceled" } else { "active" }
    }

    fn cancellation(&self) -> Option<Value> {
        self.cancelled_at.as_ref().map(|at| {
            json!({ "canceled_by": "Ann", "reason": "Something came up.", "canceler_type": "invitee", "created_at": at })
        })
    }

    /// The event, as the API and webhooks have it.
    pub(super) fn event(&self) -> Value {
        let mut event = json!({
            "uri": self.event_uri(),
            "name": "Discovery call",
            "status": self.status(),
            "start_time": self.start,
            "end_time": self.start,
            "event_type": format!("{HOME}/event_types/TYPEDISCOVERY001"),
            "location": { "type": "physical", "location": "Office" },
            "invitees_counter": { "total": 1, "active": i32::from(!self.is_cancelled()), "limit": 1 },
            "created_at": self.created_at,
            "updated_at": self.changed_at,
            "event_memberships": [{ "user": Account::host(), "user_email": "tomas@brightwater.example" }],
            "event_guests": [],
        });
        if let Some(cancellation) = self.cancellation() {
            event["cancellation"] = cancellation;
        }
        event
    }

    /// What webhooks tell of it.
    fn told(&self) -> Value {
        let mut payload = self.invitee();
        payload["scheduled_event"] = self.event();
        payload
    }

    /// Who booked, as the API has it.
    pub(super) fn invitee(&self) -> Value {
        let mut invitee = json!({
            "uri": self.invitee_uri(),
            "email": format!("guest-{}@example.com", self.number),
            "name": format!("Guest {}", self.number),
            "first_name": null,
            "last_name": null,
            "status": self.status(),
            "timezone": "Europe/Berlin",
            "event": self.event_uri(),
            "created_at": self.created_at,
            "updated_at": self.changed_at,
            "text_reminder_number": null,
            "rescheduled": false,
            "old_invitee": null,
            "new_invitee": null,
            "cancel_url": format!("https://calendly.com/cancellations/INVITEE{:06}", self.number),
            "reschedule_url": format!("https://calendly.com/reschedulings/INVITEE{:06}", self.number),
            "questions_and_answers": [],
            "tracking": {
                "utm_campaign": null, "utm_source": null, "utm_medium": null, "utm_content": null,
                "utm_term": crate::cluid(self.number), "salesforce_uuid": null,
            },
            "routing_form_submission": null,
            "payment": null,
            "no_show": self.no_show_at.as_ref().map(|at| json!({
                "uri": format!("{HOME}/invitee_no_shows/NOSHOW{:06}", self.number), "created_at": at,
            })),
            "reconfirmation": null,
            "scheduling_method": null,
            "invitee_scheduled_by": null,
        });
        if let Some(cancellation) = self.cancellation() {
            invitee["cancellation"] = cancellation;
        }
        invitee
    }
}

impl Calendly {
    /// Somebody books; whoever subscribed is told. The number tells the booking from others.
    pub async fn book(&self) -> u32 {
        let booked = {
            let mut account = self.account();
            let number = account.next();
            let (created_at, start) = (now(), later(86_400 + u64::from(number)));
            let changed_at = created_at.clone();
            let booked =
                Booked { number, start, created_at, changed_at, cancelled_at: None, no_show_at: None };
            account.booked.push(booked.clone());
            booked
        };
        self.tell("invitee.created", booked.told()).await;
        booked.number
    }

    /// Who booked gives it up.
    pub async fn cancel(&self, number: u32) {
        let booked = self.change(number, |booked| {
            booked.changed_at = now();
            booked.cancelled_at = Some(booked.changed_at.clone());
        });
        self.tell("invitee.canceled", booked.told()).await;
    }

    /// Who booked is marked as not having come. The mark changes nothing else of the booking.
    pub async fn mark_no_show(&self, number: u32) {
        let booked = self.change(number, |booked| booked.no_show_at = Some(now()));
        self.tell("invitee_no_show.created", booked.told()).await;
    }

    /// The mark is taken back. That changes nothing else of the booking, and leaves no trace of it.
    pub async fn unmark_no_show(&self, number: u32) {
        let booked = self.change(number, |booked| booked.no_show_at = None);
        self.tell("invitee_no_show.deleted", booked.told()).await;
    }

    /// Whoever subscribed is told again of a booking.
    pub async fn repeat(&self, number: u32) {
        let booked = self.change(number, |_| {});
        self.tell("invitee.created", booked.told()).await;
    }

    fn change(&self, number: u32, change: impl FnOnce(&mut Booked)) -> Booked {
        let mut account = self.account();
        let booked = account.booked.iter_mut().find(|booked| booked.number == number).expect("it was booked");
        change(booked);
        booked.clone()
    }
}
