//! Tests of a destination: what it would be sent of an event, and what its platform's test facility says to that.

use std::{sync::Arc, time::Duration};

use http::HeaderMap;
use tonic::Status;
use tributary_connectors::destinations::{self, HttpRequest, Outcome, Platform};
use tributary_domain::{
    event::{EventData, Withheld, WithheldFor},
    id::{EventId, MessageId, SourceId, WorkflowId},
    time::Timestamp,
};
use tributary_egress::OutboundRequest;
use tributary_proto::admin::v1::{
    Event, Header, TestDestinationRequest, TestDestinationResponse, TestedDelivery,
    test_destination_response::Answer,
};
use tributary_store::{StoreError, destination::DestinationRecord, event::EventRecord, ledger::StoredEvent};

use super::request::{Parts, composed};
use crate::{
    call::{Call, Located},
    convert::{
        enums::Twin,
        identifier,
        value::{to_span, to_struct, to_time},
    },
    error::{from_store, optional},
    event,
    name::named_or_bare,
    violations::{Violations, invalid},
};

/// The event that is an example of unless another one is named.
const USUAL: &str = "Schedule";
/// The longest name of an event, in characters.
const MAX_NAME: usize = 200;
/// What an example is said to come from.
const SOURCE: &str = "Example";
/// As long as a delivery waits for its answer.
const DEADLINE: Duration = Duration::from_secs(20);
/// Most of an answer's body that is shown, in bytes.
const SHOWN_BODY: usize = 4 << 10;
/// Most of its headers, and most of each, in characters.
const SHOWN_HEADERS: usize = 40;
const SHOWN_HEADER: usize = 200;

/// What is sent.
struct Given {
    event: StoredEvent,
    /// As the contract has it.
    shown: Event,
    /// The display name of the source.
    source: String,
}

/// Answers TestDestination.
pub(super) async fn test(
    call: &Call<'_>,
    located: &Located<'_>,
    record: &DestinationRecord,
    request: TestDestinationRequest,
) -> Result<TestDestinationResponse, Status> {
    let now = call.clock.now();
    let mut given = given(call, located, &request, now).await?;
    given.event.data.is_test |= request.send;
    let kept = withheld(located, record, &given.event).await?;
    let composed = composed(located, record, &given.event, &given.source, now).await?;
    let reason = match &kept {
        Some(kept) => event::withheld_text(kept),
        None => composed.reason,
    };
    let delivery = TestedDelivery {
        event: given.shown.name.clone(),
        destination: located.names.destination(record.id),
        destination_display_name: record.display_name.clone(),
        platform: record.platform.clone(),
        passes: kept.is_none(),
        exists: false,
        reason,
        request: composed.shown,
        match_quality: composed.match_quality,
    };
    let platform = destinations::find(&record.platform);
    let test_reason = platform
        .filter(|platform| destinations::test_settings(*platform, &record.settings).is_none())
        .map(destinations::without_facility)
        .unwrap_or_default();
    let answer = match (platform, composed.parts, kept) {
        (Some(platform), Some(parts), None) if request.send => {
            let tried = Tried { call, located, record, platform, parts };
            Some(tried.answer(now).await.unwrap_or_else(|outcome| unanswered(&outcome)))
        }
        _ => None,
    };
    Ok(TestDestinationResponse { event: Some(given.shown), delivery: Some(delivery), test_reason, answer })
}

/// The event that is asked for, or the example.
async fn given(
    call: &Call<'_>,
    located: &Located<'_>,
    request: &TestDestinationRequest,
    now: Timestamp,
) -> Result<Given, Status> {
    if request.event.is_empty() {
        let mut violations = Violations::default();
        violations.text("event_name", &request.event_name, MAX_NAME);
        violations.check()?;
        return Ok(example(call, &request.event_name, now));
    }
    if !request.event_name.is_empty() {
        return Err(invalid("event_name", "either an event or the name of an example, not both"));
    }
    let id: EventId = named_or_bare("event", &request.event, "events")?;
    let record = located.scope.event(id).await.map_err(from_store)?;
    let sources = located.scope.source_names().await.map_err(from_store)?;
    let shown = event::to_proto(located.names, &record);
    let source = sources.get(&record.source).cloned().unwrap_or_default();
    let EventRecord { id, workflow, source: from, profile, received_at, data, .. } = record;
    let event =
        StoredEvent { id, source: from, workflow, profile, received: received_at, trace_parent: None, data };
    Ok(Given { event, shown, source })
}

/// An event that never was: its ids are of this answer alone.
fn example(call: &Call<'_>, name: &str, now: Timestamp) -> Given {
    let name = if name.is_empty() { USUAL } else { name };
    let (draft, context) = destinations::example(name, now);
    let (millis, random) = call.id_parts(&call.author);
    let (workflow, source) = (WorkflowId::from_bits(0), SourceId::from_bits(0));
    let data = EventData {
        draft: Arc::new(draft),
        created: false,
        steps: Vec::new(),
        context: Arc::new(context),
        withheld: Vec::new(),
        role: None,
        is_test: false,
    };
    let id = EventId::derive(MessageId::new(millis, random), workflow, 0);
    let event = StoredEvent { id, source, workflow, profile: None, received: now, trace_parent: None, data };
    let draft = event.draft();
    let shown = Event {
        kind: draft.kind.number(),
        event_name: draft.name.clone(),
        identifiers: draft.identifiers.iter().map(identifier::to_proto).collect(),
        user_traits: Some(to_struct(&draft.traits)),
        attributes: Some(to_struct(&draft.attributes)),
        consents: Some(to_struct(&draft.consents)),
        browser_context: Some(to_struct(&event.data.context)),
        event_time: Some(to_time(now)),
        test: true,
        ..Event::default()
    };
    Given { event, shown, source: SOURCE.to_owned() }
}

/// Why nothing of an event may be sent to a destination now, also not as a test: what a person said, and what the tenant
/// suppresses, holds for whoever tries something out too.
async fn withheld(
    located: &Located<'_>,
    destination: &DestinationRecord,
    event: &StoredEvent,
) -> Result<Option<Withheld>, Status> {
    let draft = event.draft();
    let kept = |why, purpose| Withheld { destination: destination.id, why, purpose };
    for identifier in &draft.identifiers {
        let id = located.scope.suppression_id(identifier.kind.as_str(), &identifier.value);
        let listed = optional(located.scope.suppression(id).await)?;
        let is_kept = listed.is_some_and(|found| {
            found.listed_at.is_some() && found.destinations.is_none_or(|from| from.contains(&destination.id))
        });
        if is_kept {
            return Ok(Some(kept(WithheldFor::Suppressed, None)));
        }
    }
    let Some(rule) = &destination.consent else { return Ok(None) };
    let person = match event.profile {
        Some(profile) => match located.scope.profile(profile).await {
            Ok(person) => Some(person.traits),
            Err(StoreError::NotFound { .. } | StoreError::Erased) => None,
            Err(error) => return Err(from_store(error)),
        },
        None => None,
    };
    let said = |purpose: &str| {
        let known = person.as_ref().and_then(|traits| traits.consent(purpose));
        known.or_else(|| draft.consents.get(purpose))
    };
    let refusal = rule.refusal(said);
    Ok(refusal.map(|refusal| {
        let why = if refusal.is_unknown { WithheldFor::ConsentUnknown } else { WithheldFor::ConsentDenied };
        kept(why, Some(refusal.purpose.to_owned()))
    }))
}

/// What a request is sent with.
struct Tried<'a> {
    call: &'a Call<'a>,
    located: &'a Located<'a>,
    record: &'a DestinationRecord,
    platform: &'static dyn Platform,
    parts: Parts,
}

impl Tried<'_> {
    /// What comes back, or why there was nothing to send. An access token can end before its time: then it is got anew, as for a
    /// delivery.
    async fn answer(&self, now: Timestamp) -> Result<Answer, Outcome> {
        let access = self.access(None).await?;
        let (answer, outcome) = self.sent(access.as_deref(), now).await?;
        if access.is_none() || !outcome.is_about_token() {
            return Ok(answer);
        }
        let another = self.access(access.as_deref()).await?;
        self.sent(another.as_deref(), now).await.map(|(answer, _)| answer)
    }

    async fn access(&self, rejected: Option<&str>) -> Result<Option<String>, Outcome> {
        let DestinationRecord { id, revision, .. } = *self.record;
        self.call.house.access(self.located.scope.id(), id, revision, rejected).await
    }

    /// Sends the request, and says what the answer means by what is known of the platform.
    async fn sent(&self, access: Option<&str>, now: Timestamp) -> Result<(Answer, Outcome), Outcome> {
        let made = self.parts.request(self.record, access.unwrap_or_default(), now);
        let HttpRequest { method, url, headers, body } =
            made.map_err(|error| Outcome::Suspend { reason: error.to_string() })?;
        let request = OutboundRequest { method, url, headers, body, deadline: DEADLINE };
        match self.call.egress.send(request).await {
            Ok(answer) => {
                let (status, now) = (answer.status.as_u16(), self.call.clock.now());
                let outcome = self.platform.classify(status, &answer.headers, &answer.body, now);
                let told = Answer {
                    http_status: status.into(),
                    headers: shown(&answer.headers),
                    body: answer.body[..answer.body.len().min(SHOWN_BODY)].to_vec(),
                    body_truncated: answer.truncated || answer.body.len() > SHOWN_BODY,
                    duration: Some(to_span(answer.duration)),
                    ..unanswered(&outcome)
                };
                Ok((told, outcome))
            }
            Err(error) => {
                let reason = error.to_string();
                Err(if error.kind().is_retryable() {
                    Outcome::Retry { after: None, reason }
                } else {
                    Outcome::Permanent { reason }
                })
            }
        }
    }
}

/// What is told without an answer.
fn unanswered(outcome: &Outcome) -> Answer {
    let (outcome, meaning) = (outcome.word().to_owned(), outcome.reason().to_owned());
    Answer { outcome, meaning, ..Answer::default() }
}

fn shown(headers: &HeaderMap) -> Vec<Header> {
    let header = |(name, value): (&http::HeaderName, &http::HeaderValue)| Header {
        name: name.as_str().to_owned(),
        value: String::from_utf8_lossy(value.as_bytes()).chars().take(SHOWN_HEADER).collect(),
    };
    headers.iter().take(SHOWN_HEADERS).map(header).collect()
}
