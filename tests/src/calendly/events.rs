//! What is booked, as the API lists it.

use serde_json::Value;

use super::{
    account::{Account, Role, Token},
    answer::{Answer, Asked, page},
    bookings::Booked,
    time::whole,
};

impl Account {
    pub(super) fn list_events(&self, token: &Token, asked: &Asked) -> Answer {
        if let Err(refused) = token.needs("scheduled_events:read") {
            return refused;
        }
        let whose = match (asked.query("organization"), asked.query("user")) {
            (Some(organization), None) if organization == Self::organization() => {
                if let Err(refused) = token.needs_owner() {
                    return refused;
                }
                None
            }
            (None, Some(user)) if token.role == Role::Owner || user == token.user => Some(user),
            (None, Some(_)) => {
                return Answer::refused(403, "Permission Denied", "You do not have permission");
            }
            _ => return Answer::invalid("user", "is missing"),
        };
        let from = asked.query("min_start_time").map(whole).unwrap_or_default();
        let is_listed =
            |booked: &&Booked| booked.start >= from && whose.is_none_or(|user| user == Self::host());
        let mut found: Vec<&Booked> = self.booked.iter().filter(is_listed).collect();
        found.sort_by(|one, other| one.start.cmp(&other.start));
        match asked.query("sort") {
            None | Some("start_time:asc") => {}
            Some("start_time:desc") => found.reverse(),
            Some(_) => return Answer::invalid("sort", "is not valid"),
        }
        let shown: Vec<Value> = found.into_iter().map(Booked::event).collect();
        page(&shown, asked, self.page)
    }

    pub(super) fn list_invitees(&self, token: &Token, uuid: &str, asked: &Asked) -> Answer {
        if let Err(refused) = token.needs("scheduled_events:read") {
            return refused;
        }
        let is_of = |booked: &&Booked| booked.event_uri().ends_with(&format!("/{uuid}"));
        match self.booked.iter().find(is_of) {
            Some(booked) => page(&[booked.invitee()], asked, self.page),
            None => Answer::not_found(),
        }
    }
}
