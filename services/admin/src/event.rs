//! Events: the event manager.

mod list;

use std::collections::BTreeMap;

use tonic::{Request, Response, Status};
use tributary_domain::{
    booking::{FollowUpKind, Role},
    event::{Withheld, WithheldFor},
    id::EventId,
};
use tributary_proto::admin::v1::{
    Event, GetEventRequest, ListEventNamesRequest, ListEventNamesResponse, ListEventsRequest,
    ListEventsResponse, WithheldDestination, event, event_service_server::EventService,
    withheld_destination::Reason,
};
use tributary_store::event::EventRecord;

use crate::{
    AdminContext,
    convert::{
        enums::Twin,
        identifier,
        value::{to_struct, to_time},
    },
    error::from_store,
    name::{Names, TenantPath},
};

/// Answers calls about events.
#[derive(Debug)]
pub(crate) struct Events(pub(crate) AdminContext);

#[tonic::async_trait]
impl EventService for Events {
    async fn get_event(&self, request: Request<GetEventRequest>) -> Result<Response<Event>, Status> {
        let call = self.0.call(&request).await?;
        let (path, event) = TenantPath::child::<EventId>("name", &request.get_ref().name, "events")?;
        let located = call.locate(path).await?;
        let record = located.scope.event(event).await.map_err(from_store)?;
        Ok(Response::new(to_proto(located.names, &record)))
    }

    async fn list_events(
        &self,
        request: Request<ListEventsRequest>,
    ) -> Result<Response<ListEventsResponse>, Status> {
        let call = self.0.call(&request).await?;
        list::events(&call, request.into_inner()).await.map(Response::new)
    }

    async fn list_event_names(
        &self,
        request: Request<ListEventNamesRequest>,
    ) -> Result<Response<ListEventNamesResponse>, Status> {
        let call = self.0.call(&request).await?;
        list::names(&call, request.into_inner()).await.map(Response::new)
    }
}

fn kind_of(kind: FollowUpKind) -> event::follows::Kind {
    match kind {
        FollowUpKind::Retract => event::follows::Kind::Retract,
        FollowUpKind::Restate => event::follows::Kind::Restate,
    }
}

/// An event as the contract has it.
pub(crate) fn to_proto(names: Names, record: &EventRecord) -> Event {
    let draft = &record.data.draft;
    let rejected = draft.rejected.iter().map(|rejected| event::RejectedIdentifier {
        r#type: rejected.kind.clone(),
        value: rejected.value.clone(),
        rule: rejected.rule.clone(),
    });
    let groups: BTreeMap<_, _> =
        draft.groups.iter().map(|(kind, value)| (kind.clone(), value.clone())).collect();
    Event {
        name: names.event(record.id),
        kind: record.kind.number(),
        event_name: record.name.clone(),
        message: names.message(record.id.message()),
        workflow: names.workflow(record.source, record.workflow),
        source: names.source(record.source),
        profile: record.profile.map(|profile| names.profile(profile)).unwrap_or_default(),
        event_time: Some(to_time(record.occurred_at)),
        receive_time: Some(to_time(record.received_at)),
        dedupe_id: draft.dedupe_id.clone().unwrap_or_else(|| record.id.to_string()),
        identifiers: draft.identifiers.iter().map(identifier::to_proto).collect(),
        rejected_identifiers: rejected.collect(),
        user_traits: Some(to_struct(&draft.traits)),
        attributes: Some(to_struct(&draft.attributes)),
        groups,
        group_traits: Some(to_struct(&draft.group_traits)),
        consents: Some(to_struct(&draft.consents)),
        browser_context: Some(to_struct(&record.data.context)),
        withheld_destinations: record.data.withheld.iter().map(|kept| withheld(names, kept)).collect(),
        follows: match record.data.role {
            Some(Role::Follows { kind, of, why, .. }) => Some(event::Follows {
                kind: kind_of(kind).into(),
                event: names.event(of),
                reason: why.code().to_owned(),
            }),
            Some(Role::Withheld { .. }) | None => None,
        },
        test: record.data.is_test,
        withheld_reason: match record.data.role {
            Some(Role::Withheld { why }) => why.code().to_owned(),
            Some(Role::Follows { .. }) | None => String::new(),
        },
    }
}

fn withheld(names: Names, kept: &Withheld) -> WithheldDestination {
    let reason = match kept.why {
        WithheldFor::Suppressed => Reason::Suppressed,
        WithheldFor::ConsentDenied => Reason::ConsentDenied,
        WithheldFor::ConsentUnknown => Reason::ConsentUnknown,
        WithheldFor::NoTestFacility => Reason::NoTestFacility,
    };
    WithheldDestination {
        destination: names.destination(kept.destination),
        reason: reason.into(),
        text: withheld_text(kept),
        purpose: kept.purpose.clone().unwrap_or_default(),
    }
}

/// Why a destination is not told of an event, and what to do about it.
pub(crate) fn withheld_text(kept: &Withheld) -> String {
    let purpose = kept.purpose.as_deref().unwrap_or_default();
    match kept.why {
        WithheldFor::Suppressed => {
            "an identifier of the event is on the suppression list for this destination: take it \
                                    off, and replay the message, if it may be sent after all"
                .to_owned()
        }
        WithheldFor::ConsentDenied => format!(
            "the person did not agree to `{purpose}`, which this destination asks for: nothing is to be done; when they \
             agree, what comes after it is sent"
        ),
        WithheldFor::ConsentUnknown => format!(
            "it is not known whether the person agreed to `{purpose}`, which this destination asks for: map it as a \
             consent of the workflow, or let the destination's rule allow what is unknown, and replay the message"
        ),
        WithheldFor::NoTestFacility => "the message is a test, and this destination has no test facility that it could go to \
                                        without being counted: see its platform's test mode, such as a code of the \
                                        platform's test page in the settings"
            .to_owned(),
    }
}
