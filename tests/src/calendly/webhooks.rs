//! Telling subscribers.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{Calendly, PUBLIC, account::Account, subscriptions::Subscription, time::now};
use crate::{Server, calendly_signature, now_seconds, post::webhook};

impl Calendly {
    /// Has everything that is sent to the public name of the tests arrive at `server`.
    pub fn lead_to(&self, server: &Server) {
        self.account().leads_to = Some(server.http());
    }

    /// Has nothing arrive any more.
    pub fn lead_nowhere(&self) {
        self.account().leads_to = None;
    }

    /// Ends every subscription, as when its deliveries failed for a day.
    pub fn disable(&self) {
        for one in &mut self.account().subscriptions {
            one.is_active = false;
            one.retry_started_at = Some(now());
        }
    }

    /// Removes every subscription, as somebody does in Calendly's own settings.
    pub fn remove_subscriptions(&self) {
        self.account().subscriptions.clear();
    }

    /// Has somebody else's integration subscribe: to this URL, for bookings of the whole organization.
    pub fn subscribe_by_hand(&self, url: &str) {
        let mut account = self.account();
        let subscription = Subscription::by_hand(account.next(), url);
        account.subscriptions.push(subscription);
    }

    /// Tells whoever subscribed to this.
    pub(super) async fn tell(&self, kind: &str, payload: Value) {
        let (subscribed, address) = {
            let account = self.account();
            let wants = |one: &&Subscription| {
                let reaches = one.user.as_ref().is_none_or(|user| *user == Account::host());
                one.is_active && reaches && one.events.iter().any(|event| event == kind)
            };
            let subscribed: Vec<Subscription> = account.subscriptions.iter().filter(wants).cloned().collect();
            (subscribed, account.leads_to)
        };
        for one in subscribed {
            let body =
                json!({ "event": kind, "created_at": now(), "created_by": one.creator, "payload": payload });
            let body = Bytes::from(body.to_string());
            let signature = one.signing_key.as_ref().map(|key| calendly_signature(key, now_seconds(), &body));
            let headers: Vec<(&str, &str)> = signature
                .iter()
                .map(|signature| ("calendly-webhook-signature", signature.as_str()))
                .collect();
            let taken = match (one.url.strip_prefix(PUBLIC), address) {
                (Some(path), Some(address)) => self.door.send(webhook(address, path, &headers, body)).await,
                _ => None,
            };
            if !taken.is_some_and(|answer| answer.status.is_success()) {
                self.account().failed(&one.uuid);
            }
        }
    }
}

impl Account {
    /// Notes that a delivery failed, and is repeated from now on.
    fn failed(&mut self, uuid: &str) {
        if let Some(one) = self.subscriptions.iter_mut().find(|one| one.uuid == uuid) {
            one.retry_started_at.get_or_insert_with(now);
        }
    }
}
