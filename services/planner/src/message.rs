//! A message whose body was read.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
};

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use tributary_connectors::sources::Facts;
use tributary_domain::{
    id::MessageId, normalise::cluid::CluidReading, time::Timestamp, workflow::evaluate::MessageView,
};
use tributary_store::ledger::{MessageFacts, ParkReason};

use crate::config::SourceConfig;

/// A message whose body was read, with what its provider's connector found in it.
pub struct Parsed {
    /// Its id.
    pub message: MessageId,
    /// When it was accepted.
    pub received: Timestamp,
    /// Its body.
    pub body: Value,
    /// What it says of itself.
    pub facts: Facts,
}

impl fmt::Debug for Parsed {
    /// Without what was read: it is a person's data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parsed").field("message", &self.message).finish_non_exhaustive()
    }
}

impl Parsed {
    /// Reads a message with the `headers` that were kept of it.
    ///
    /// # Errors
    /// Why it has to be parked.
    pub fn read(
        source: &SourceConfig,
        (message, received): (MessageId, Timestamp),
        headers: &[(String, String)],
        body: &[u8],
    ) -> Result<Self, ParkReason> {
        let read = || {
            let body: Value = serde_json::from_slice(body).ok()?;
            let facts = source.provider.facts(&source.settings, &header_map(headers), &body);
            Some(Self { message, received, body, facts })
        };
        match catch_unwind(AssertUnwindSafe(read)) {
            Ok(Some(parsed)) => Ok(parsed),
            Ok(None) => Err(ParkReason {
                code: "BODY_UNREADABLE",
                detail: "the body cannot be read as JSON".to_owned(),
                workflow: None,
            }),
            Err(_) => Err(ParkReason {
                code: "SOURCE_PANICKED",
                detail: "the source's connector panicked on this message".to_owned(),
                workflow: None,
            }),
        }
    }

    /// The message as a workflow of `source` sees it.
    pub fn view<'a>(&'a self, source: &'a SourceConfig) -> MessageView<'a> {
        MessageView {
            id: self.message,
            received: self.received,
            body: &self.body,
            provider_event: self.facts.provider_event.as_deref(),
            cluid: self.facts.cluid.found(),
            source_name: &source.display_name,
            booking: self.facts.booking.as_ref(),
        }
    }
}

/// What was found in a message, as the ledger keeps it; nothing was where it could not be read.
pub fn facts(found: Option<Facts>) -> MessageFacts {
    let Some(facts) = found else {
        return MessageFacts { cluid_status: "MISSING", ..MessageFacts::default() };
    };
    MessageFacts {
        cluid_status: facts.cluid.status(),
        cluid: match facts.cluid {
            CluidReading::Found(text) | CluidReading::Foreign(text) | CluidReading::Placeholder(text) => {
                Some(text)
            }
            CluidReading::Missing => None,
        },
        provider_event: facts.provider_event,
        dedupe_key: facts.dedupe_key,
        booking: facts.booking,
    }
}

fn header_map(kept: &[(String, String)]) -> HeaderMap {
    kept.iter()
        .filter_map(|(name, value)| {
            Some((HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_str(value).ok()?))
        })
        .collect()
}
