//! A booking, and what was told of it: which event stands for it, and what has followed that event.

use serde::{Deserialize, Serialize};

use super::{
    facts::Paid,
    follow_up::{FollowUp, FollowUpKind, Role, Why},
    lineage::{Fact, KeyHash, Lineage},
};
use crate::id::{DestinationId, EventId, MessageId};

/// Events of one booking that are followed up. Workflows make a few; a name that is taken from the payload could be
/// another one each time.
const MOST_TOLD: usize = 32;

/// A booking, and what was told of it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Conversion {
    /// What was heard of it.
    pub lineage: Lineage,
    /// What was told of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub told: Vec<Told>,
}

/// An event that stands, or stood, for a booking. There is one for each name and index, whichever workflow made it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Told {
    /// The event's name.
    pub name: String,
    /// Its number among the events of its run.
    pub index: u32,
    /// The event itself.
    pub event: EventId,
    /// The key that the booking had when this, or what restated it last, was made.
    pub key: KeyHash,
    /// Who was told.
    pub destinations: Vec<DestinationId>,
    /// What its workflow wants to have told afterwards.
    pub follow_up: FollowUp,
    /// The events that said what it has become, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub restated: Vec<EventId>,
    /// Whether one of those was for a payment.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_paid_told: bool,
    /// The event that took it back. What was taken back stays so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retracted: Option<EventId>,
}

/// An event that a workflow made of a message of the booking.
#[derive(Debug, Clone, Copy)]
pub struct Made<'a> {
    /// The event.
    pub event: EventId,
    /// Its name.
    pub name: &'a str,
    /// Its number among the events of its run.
    pub index: u32,
    /// What its workflow wants to have told afterwards.
    pub follow_up: FollowUp,
    /// Where it would go.
    pub routes: &'a [DestinationId],
    /// Where it went when its message was processed before.
    pub sent: &'a [DestinationId],
}

/// What becomes of an event.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// What it is to its booking; nothing when it is simply told.
    pub role: Option<Role>,
    /// Where it goes.
    pub destinations: Vec<DestinationId>,
}

impl Verdict {
    fn withheld(why: Why) -> Self {
        Self { role: Some(Role::Withheld { why }), destinations: Vec::new() }
    }

    /// An event that goes nowhere is withheld.
    fn unless_empty(self, why: Why) -> Self {
        if self.destinations.is_empty() { Self::withheld(why) } else { self }
    }
}

/// Something that has to be told now, and that no workflow made.
#[derive(Debug, Clone, PartialEq)]
pub struct Due {
    /// The event that says it.
    pub event: EventId,
    /// What it says of which event.
    pub kind: FollowUpKind,
    /// That one.
    pub of: EventId,
    /// What was told last of it, where that is not itself.
    pub after: Option<EventId>,
    /// Why.
    pub why: Why,
    /// To whom.
    pub destinations: Vec<DestinationId>,
    /// What was paid, where that is what it says.
    pub paid: Option<Paid>,
}

impl Told {
    fn is(&self, name: &str, index: u32) -> bool {
        self.index == index && self.name == name
    }

    /// Whether this message made the event, or something that followed it.
    fn is_of(&self, message: MessageId) -> bool {
        self.event.message() == message || self.restated.iter().any(|event| event.message() == message)
    }

    /// Whether nobody was told, of this or of what it has become.
    fn is_unheard(&self) -> bool {
        self.retracted.is_none() && self.destinations.is_empty() && self.restated.is_empty()
    }

    fn restates(&self, event: EventId, why: Why) -> Verdict {
        let after = self.restated.iter().rev().find(|restated| **restated != event).copied();
        let role = Role::Follows { kind: FollowUpKind::Restate, of: self.event, after, why };
        Verdict { role: Some(role), destinations: self.destinations.clone() }
    }

    fn due(&self, message: MessageId, kind: FollowUpKind, why: Why) -> Due {
        Due {
            event: EventId::follow_up(message, self.event, kind),
            kind,
            of: self.event,
            after: self.restated.last().copied(),
            why,
            destinations: self.destinations.clone(),
            paid: None,
        }
    }
}

impl Conversion {
    /// Decides what becomes of an event that was made of a message of this booking, which was observed before. The first
    /// event of a booking is told; one that comes when the booking was given up already is not, so that nobody hears of
    /// something only to hear that it is not so. Later events of the same name say what the first has become, if their
    /// workflow wants that and they are of the key that the booking has now. What it says of an event that is processed
    /// again may be another thing than the first time; what was told then counts.
    pub fn made(&mut self, made: &Made<'_>) -> Verdict {
        let key = self
            .lineage
            .facts()
            .iter()
            .find(|fact| fact.message == made.event.message())
            .map(|fact| fact.key);
        // A booking of which too much was heard.
        let Some(key) = key else {
            return Verdict { role: None, destinations: made.sent.to_vec() }.unless_empty(Why::OneBooking);
        };
        let retracts = made.follow_up.retracts(self.lineage.state());
        if let Some(told) = self.told.iter_mut().find(|told| told.event == made.event) {
            told.follow_up = made.follow_up;
            if let Some(why) = retracts.or_else(|| told.retracted.map(|_| Why::OneBooking)) {
                // It went where it went; nobody else hears of it.
                return Verdict { role: None, destinations: made.sent.to_vec() }.unless_empty(why);
            }
            let new = made.routes.iter().filter(|route| !told.destinations.contains(route)).copied();
            let new: Vec<DestinationId> = new.collect();
            told.destinations.extend(new);
            return Verdict { role: None, destinations: made.routes.to_vec() };
        }
        if retracts.is_none() {
            // What nobody heard of stands for nothing: the next one is told in its place.
            self.told.retain(|told| !told.is(made.name, made.index) || !told.is_unheard());
        }
        let is_current = self.lineage.current().contains(&key);
        let is_paid = self.lineage.paid().is_some_and(|fact| fact.message == made.event.message());
        let standing = self.told.iter_mut().filter(|told| told.is(made.name, made.index));
        let Some(told) = standing.min_by_key(|told| told.retracted.is_some()) else {
            return self.first(made, key, retracts);
        };
        if told.restated.contains(&made.event) {
            return told.restates(made.event, Why::Rescheduled);
        }
        if !made.sent.is_empty() {
            // It was told before its workflow wanted to have it followed up: it stands beside the other.
            return Verdict { role: None, destinations: made.sent.to_vec() };
        }
        if let Some(why) = retracts {
            return Verdict::withheld(why);
        }
        let why = if told.retracted.is_some() || !is_current {
            None
        } else if made.follow_up.restate_rescheduled && key != told.key {
            Some(Why::Rescheduled)
        } else if made.follow_up.restate_paid && is_paid && !told.is_paid_told {
            Some(Why::Paid)
        } else {
            None
        };
        let Some(why) = why else { return Verdict::withheld(Why::OneBooking) };
        let verdict = told.restates(made.event, why);
        told.key = key;
        told.is_paid_told |= is_paid;
        told.restated.push(made.event);
        verdict
    }

    fn first(&mut self, made: &Made<'_>, key: KeyHash, retracts: Option<Why>) -> Verdict {
        let destinations = if retracts.is_some() { made.sent } else { made.routes };
        if let (Some(why), []) = (retracts, destinations) {
            return Verdict::withheld(why);
        }
        if self.told.len() < MOST_TOLD {
            self.told.push(Told {
                name: made.name.to_owned(),
                index: made.index,
                event: made.event,
                key,
                destinations: destinations.to_vec(),
                follow_up: made.follow_up,
                restated: Vec::new(),
                is_paid_told: false,
                retracted: None,
            });
        }
        Verdict { role: None, destinations: destinations.to_vec() }
    }

    /// What has to be told after `message` was observed and its events were made, each once for ever: what was told and
    /// does not stand any more is taken back; what was paid is told, whether the payment or the event came first.
    pub fn due(&mut self, message: MessageId) -> Vec<Due> {
        let state = self.lineage.state();
        let paid = self.lineage.paid().cloned();
        let mut due = Vec::new();
        for told in
            self.told.iter_mut().filter(|told| told.retracted.is_none() && !told.destinations.is_empty())
        {
            if let Some(why) = told.follow_up.retracts(state) {
                let retraction = told.due(message, FollowUpKind::Retract, why);
                told.retracted = Some(retraction.event);
                due.push(retraction);
                continue;
            }
            let Some(Fact { message: payment, paid: Some(paid), .. }) = &paid else { continue };
            if told.follow_up.restate_paid && !told.is_paid_told && !told.is_of(*payment) {
                let mut restatement = told.due(message, FollowUpKind::Restate, Why::Paid);
                restatement.paid = Some(paid.clone());
                told.is_paid_told = true;
                told.restated.push(restatement.event);
                due.push(restatement);
            }
        }
        due
    }

    /// Takes in what turns out to be the same booking. Of two events that stood for the parts, one stands for the whole:
    /// that of the key which the booking has now, or else the older one. The others are taken back.
    pub fn join(&mut self, other: Self, message: MessageId) -> Vec<Due> {
        self.lineage.join(other.lineage);
        self.told.extend(other.told);
        self.told.sort_by_key(|told| told.event);
        let current = self.lineage.current();
        let mut due = Vec::new();
        for at in 0..self.told.len() {
            let told = &self.told[at];
            let rank = |told: &Told| (!current.contains(&told.key), told.event);
            let is_outdone = self.told.iter().any(|better| {
                better.retracted.is_none()
                    && !better.destinations.is_empty()
                    && better.is(&told.name, told.index)
                    && rank(better) < rank(told)
            });
            if told.retracted.is_none() && is_outdone && !told.destinations.is_empty() {
                let retraction = told.due(message, FollowUpKind::Retract, Why::OneBooking);
                self.told[at].retracted = Some(retraction.event);
                due.push(retraction);
            }
        }
        due
    }
}
