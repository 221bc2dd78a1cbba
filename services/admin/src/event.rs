//! Events: the event manager.

use std::{cmp::Reverse, collections::BTreeMap};

use tonic::{Request, Response, Status};
use tributary_domain::id::{EventId, ProfileId};
use tributary_proto::admin::v1::{
    Event, GetEventRequest, ListEventsRequest, ListEventsResponse, event, event_service_server::EventService,
};
use tributary_store::{
    Page, Paged,
    event::{EventFilter, EventRecord},
};

use crate::{
    AdminContext,
    call::Located,
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
        let request = request.into_inner();
        let (path, profile) = match TenantPath::parse("parent", &request.parent) {
            Ok(path) => (path, None),
            Err(_) => {
                let (path, profile) = TenantPath::child::<ProfileId>("parent", &request.parent, "profiles")?;
                (path, Some(profile))
            }
        };
        let list = self.0.list("ListEvents", &[&request.parent]);
        let page = list.page(request.page_size, &request.page_token)?;
        let located = call.locate(path).await?;
        let found = match profile {
            Some(profile) => of_profile(&located, profile, page).await?,
            None => located.scope.events(&EventFilter::default(), page).await.map_err(from_store)?,
        };
        Ok(Response::new(ListEventsResponse {
            events: found.items.iter().map(|record| to_proto(located.names, record)).collect(),
            next_page_token: list.next(found.next),
        }))
    }
}

/// A page of the events of a profile and of those that became part of it: events keep the profile they were written
/// for, so each has a list, and the page is the beginning of all of them together.
async fn of_profile(
    located: &Located<'_>,
    profile: ProfileId,
    page: Page<EventId>,
) -> Result<Paged<EventRecord, EventId>, Status> {
    let whole = located.scope.profile(profile).await.map_err(from_store)?;
    let (mut items, mut more) = (Vec::new(), false);
    for owner in whole.aliases.iter().copied().chain([whole.id]) {
        let filter = EventFilter { profile: Some(owner), name: None };
        let found = located.scope.events(&filter, page).await.map_err(from_store)?;
        more |= found.next.is_some();
        items.extend(found.items);
        items.sort_by_key(|event| Reverse(event.id));
        more |= items.len() > page.limit as usize;
        items.truncate(page.limit as usize);
    }
    let next = items.last().map(|event| event.id).filter(|_| more);
    Ok(Paged { items, next })
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
    }
}
