//! The request that a destination would get, with what is secret left out.

use tonic::Status;
use tributary_connectors::destinations::{
    self, HttpRequest, OutgoingEvent, Platform, RequestError, Secrets, Standing,
};
use tributary_domain::{id::DeliveryId, time::Timestamp};
use tributary_proto::admin::v1::{Header, MatchQuality, OutgoingRequest};
use tributary_store::{destination::DestinationRecord, ledger::StoredEvent};

use super::platforms;
use crate::{call::Located, error::from_store, secret::masked};

/// A secret of fewer characters is not looked for in requests: it would be found everywhere.
const SHORTEST: usize = 4;

/// What would go to a destination.
pub(crate) struct Composed {
    /// What the request is made of; nothing: none can be made.
    pub(crate) parts: Option<Parts>,
    /// The request as it may be seen, without an access token.
    pub(crate) shown: Option<OutgoingRequest>,
    /// How well the platform will find the event's person; nothing: it looks for nobody.
    pub(crate) match_quality: Option<MatchQuality>,
    /// Why there is no request; empty: there is one.
    pub(crate) reason: String,
}

/// What a request is made of.
pub(crate) struct Parts {
    platform: &'static dyn Platform,
    secrets: Secrets,
    event: OutgoingEvent,
}

impl Parts {
    /// The request as `destination` is sent it at `now`, with the access token that it takes; empty: it takes none.
    ///
    /// # Errors
    /// When none can be made.
    pub(crate) fn request(
        &self,
        destination: &DestinationRecord,
        access: &str,
        now: Timestamp,
    ) -> Result<HttpRequest, RequestError> {
        let settings = destinations::settings_for(self.platform, &destination.settings, &self.event)?;
        self.platform.request(&settings, &self.secrets.with_access(access), &self.event, now)
    }
}

impl Composed {
    fn refused(reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self { parts: None, shown: None, match_quality: None, reason }
    }
}

/// What `destination` would be sent of an event at `now`; `source` is the display name of where that came from.
///
/// # Errors
/// When the database fails.
pub(crate) async fn composed(
    located: &Located<'_>,
    destination: &DestinationRecord,
    event: &StoredEvent,
    source: &str,
    now: Timestamp,
) -> Result<Composed, Status> {
    let Some(platform) = destinations::find(&destination.platform) else {
        return Ok(Composed::refused("this build does not know its platform"));
    };
    let secrets = located.scope.destination_secrets(destination.id).await.map_err(from_store)?;
    let secrets: Secrets =
        secrets.into_iter().map(|(name, secret)| (name, secret.expose().to_owned())).collect();
    let standing = Standing {
        delivery: DeliveryId::derive(event.id, destination.id, 0),
        event: event.id,
        received: event.received,
        profile: event.profile,
        context: (*event.data.context).clone(),
        source: source.to_owned(),
        destination: destination.id,
        role: event.data.role,
        is_test: event.data.is_test,
    };
    let outgoing = OutgoingEvent::of(event.draft(), platform, &destination.event_names, standing);
    if outgoing.follow_up.is_some() && !platform.takes_follow_ups() {
        let name = platform.display_name();
        return Ok(Composed::refused(format!("{name} cannot be told what became of an event")));
    }
    let match_quality = destinations::quality(platform.about(), &outgoing).as_ref().map(platforms::quality);
    let parts = Parts { platform, secrets, event: outgoing };
    Ok(match parts.request(destination, "", now) {
        Ok(request) => {
            let shown = Some(shown(platform, &parts.secrets, &request));
            Composed { parts: Some(parts), shown, match_quality, reason: String::new() }
        }
        Err(error) => Composed { match_quality, ..Composed::refused(error.to_string()) },
    })
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
