//! The requests that destinations would get, with what is secret left out.

use std::collections::HashSet;

use tonic::Status;
use tributary_connectors::destinations::{self, HttpRequest, OutgoingEvent, Platform, Secrets, Standing};
use tributary_domain::{
    booking::Role,
    id::{DeliveryId, DestinationId},
    time::Timestamp,
};
use tributary_proto::admin::v1::{Header, OutgoingRequest, TestedDelivery};
use tributary_store::{
    LARGEST_PAGE, Page, Show,
    destination::{DestinationRecord, DestinationState},
    ledger::StoredEvent,
};

use crate::{call::Located, destination::platforms, error::from_store, event, secret::masked};

/// A secret of fewer characters is not looked for in requests: it would be found everywhere.
const SHORTEST: usize = 4;

/// What requests are made with.
pub(super) struct Sent<'a> {
    pub(super) located: &'a Located<'a>,
    /// When they would be sent.
    pub(super) now: Timestamp,
    /// The source's display name.
    pub(super) source: &'a str,
    /// The deliveries that are there.
    pub(super) before: &'a HashSet<DeliveryId>,
}

impl Sent<'_> {
    /// What would go to each destination, and why nothing would to those that `passing` does not name.
    pub(super) async fn of(
        &self,
        event: &StoredEvent,
        passing: &[DestinationId],
    ) -> Result<Vec<TestedDelivery>, Status> {
        let (mut told, mut page) = (Vec::new(), Page::first(LARGEST_PAGE));
        loop {
            let found = self.located.scope.destinations(Show::Live, page).await.map_err(from_store)?;
            for record in &found.items {
                told.push(self.to(event, record, passing.contains(&record.id)).await?);
            }
            let Some(next) = found.next else { return Ok(told) };
            page = Page::after(next, LARGEST_PAGE);
        }
    }

    async fn to(
        &self,
        event: &StoredEvent,
        record: &DestinationRecord,
        passes: bool,
    ) -> Result<TestedDelivery, Status> {
        let delivery = DeliveryId::derive(event.id, record.id, 0);
        let mut told = TestedDelivery {
            event: self.located.names.event(event.id),
            destination: self.located.names.destination(record.id),
            destination_display_name: record.display_name.clone(),
            platform: record.platform.clone(),
            passes,
            exists: self.before.contains(&delivery),
            ..TestedDelivery::default()
        };
        if !passes {
            told.reason = kept_from(event, record.id);
            return Ok(told);
        }
        let Some(platform) = destinations::find(&record.platform) else {
            "this build does not know its platform".clone_into(&mut told.reason);
            return Ok(told);
        };
        let secrets = self.located.scope.destination_secrets(record.id).await.map_err(from_store)?;
        let secrets: Secrets =
            secrets.into_iter().map(|(name, secret)| (name, secret.expose().to_owned())).collect();
        let standing = Standing {
            delivery,
            event: event.id,
            received: event.received,
            profile: event.profile,
            context: (*event.data.context).clone(),
            source: self.source.to_owned(),
            destination: record.id,
            role: event.data.role,
        };
        let outgoing = OutgoingEvent::of(event.draft(), platform, &record.event_names, standing);
        if outgoing.follow_up.is_some() && !platform.takes_follow_ups() {
            told.reason = format!("{} cannot be told what became of an event", platform.display_name());
            return Ok(told);
        }
        told.match_quality =
            destinations::quality(platform.about(), &outgoing).as_ref().map(platforms::quality);
        match platform.request(&record.settings, &secrets, &outgoing, self.now) {
            Ok(request) => {
                told.request = Some(shown(platform, &secrets, &request));
                waits(record).clone_into(&mut told.reason);
            }
            Err(error) => told.reason = error.to_string(),
        }
        Ok(told)
    }
}

/// Why an event does not go to a destination.
fn kept_from(event: &StoredEvent, destination: DestinationId) -> String {
    if let Some(kept) = event.data.withheld.iter().find(|kept| kept.destination == destination) {
        return event::withheld_text(kept);
    }
    let why = match event.data.role {
        Some(Role::Withheld { .. }) => {
            "what the event says of its booking is told already, or is not to be told"
        }
        Some(Role::Follows { .. }) => "the event that it follows does not go there",
        None => "its filter does not let the event through",
    };
    why.to_owned()
}

/// Why a delivery to a destination would wait.
fn waits(record: &DestinationRecord) -> &'static str {
    match record.state {
        DestinationState::Enabled if record.credential.state.is_trouble() => {
            "it waits until the destination's credential is taken again"
        }
        DestinationState::Enabled => "",
        DestinationState::Paused => "it waits until the destination is resumed",
        DestinationState::Disabled => "it waits until the destination is enabled again",
    }
}

/// A request as it may be seen: signatures and secrets are left out, wherever they stand.
fn shown(platform: &dyn Platform, secrets: &Secrets, request: &HttpRequest) -> OutgoingRequest {
    let hide = |text: &str| {
        let values = secrets.iter().flat_map(|(_, values)| values);
        let long = values.filter(|value| value.len() >= SHORTEST);
        long.fold(text.to_owned(), |text, value| {
            // In a query it is spelt another way.
            let spelt: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
            text.replace(value.as_str(), &masked(value)).replace(&spelt, &masked(value))
        })
    };
    // A header whose value is a secret is one whatever its length.
    let is_secret =
        |value: &str| secrets.iter().any(|(_, values)| values.iter().any(|secret| secret == value));
    let headers = request.headers.iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes());
        let value = match &*value {
            _ if platform.signatures().contains(&name.as_str()) => "…".to_owned(),
            value if is_secret(value) => masked(value),
            value => hide(value),
        };
        Header { name: name.as_str().to_owned(), value }
    });
    OutgoingRequest {
        method: request.method.to_string(),
        url: hide(&request.url),
        headers: headers.collect(),
        body: hide(&String::from_utf8_lossy(&request.body)),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, HeaderValue, Method};
    use tributary_connectors::destinations::webhook::Webhook;

    use super::*;

    #[test]
    fn no_secret_is_shown_wherever_it_stands() {
        let secrets: Secrets = [
            ("signing", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
            ("access_token", "1234|canary"),
            ("header:x-pin", "123"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into_iter()
        .collect();
        let mut headers = HeaderMap::new();
        headers.insert("webhook-signature", HeaderValue::from_static("v1,c2lnbmF0dXJl"));
        headers.insert("x-pin", HeaderValue::from_static("123"));
        headers.insert("x-plain", HeaderValue::from_static("id 12345"));
        let request = HttpRequest {
            method: Method::POST,
            url: "https://example.com/?key=whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw&token=1234%7Ccanary"
                .to_owned(),
            headers,
            body: Bytes::from_static(b"{\"key\":\"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"}"),
        };
        let shown = shown(&Webhook, &secrets, &request);
        let text = format!("{shown:?}");
        for secret in ["MfKQ9r8GKYqrTwjU", "c2lnbmF0dXJl", "\"123\"", "canary"] {
            assert!(!text.contains(secret), "{text}");
        }
        assert_eq!(shown.url, "https://example.com/?key=whsec_…LaSw&token=…");
        assert!(text.contains("id 12345"), "what is no secret is shown as it is: {text}");
    }
}
