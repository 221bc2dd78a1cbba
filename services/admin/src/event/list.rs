//! Lists of events, and of their names.

use tonic::Status;
use tributary_domain::{id::ProfileId, workflow::spec::Kind};
use tributary_proto::admin::v1::{
    EventName, ListEventNamesRequest, ListEventNamesResponse, ListEventsRequest, ListEventsResponse,
};
use tributary_store::{
    event::{EventFilter, EventNameRecord},
    search::Search,
};

use super::to_proto;
use crate::{
    call::Call,
    convert::{enums::Twin, value::to_time},
    error::{from_store, optional},
    filter::{Field, Filter, Operator::Is},
    log::{
        SOURCE, WORKFLOW,
        search::{self, Asked},
    },
    name::TenantPath,
};

/// What it is called.
const EVENT_NAME: Field = Field { name: "event_name", operators: &[Is] };
/// What kind of event it is.
const KIND: Field = Field { name: "kind", operators: &[Is] };
/// Whose it is.
const PROFILE: Field = Field { name: "profile", operators: &[Is] };

/// Answers ListEvents.
pub(super) async fn events(
    call: &Call<'_>,
    request: ListEventsRequest,
) -> Result<ListEventsResponse, Status> {
    let (path, profile) = match TenantPath::parse("parent", &request.parent) {
        Ok(path) => (path, None),
        Err(_) => {
            let (path, profile) = TenantPath::child::<ProfileId>("parent", &request.parent, "profiles")?;
            (path, Some(profile))
        }
    };
    let own = [EVENT_NAME, KIND, SOURCE, WORKFLOW, PROFILE];
    let filter = Filter::parse(&request.filter, &search::fields_with(&own))?;
    let asked = Asked::of(&filter)?;
    let mut wanted = EventFilter {
        name: filter.find(EVENT_NAME.name, Is).map(|clause| clause.value().to_owned()),
        kind: filter.read(KIND.name, Is, "TRACK, IDENTIFY or GROUP", kind)?,
        source: search::id(&filter, SOURCE.name, "`src_…`")?,
        workflow: search::id(&filter, WORKFLOW.name, "`wfl_…`")?,
        ..EventFilter::default()
    };
    let also: Option<ProfileId> = search::id(&filter, PROFILE.name, "`prf_…`")?;
    let list = call.list("ListEvents", &[&request.parent, &request.filter, &request.order_by]);
    let page = list.page(request.page_size, &request.page_token)?;
    let order = search::order(&request.order_by)?;
    let located = call.locate(path).await?;
    let searched = asked.search(&located, call.clock.now(), page.after.is_some()).await?;
    wanted.search = Search { order, ..searched };
    if let Some(profile) = profile {
        let whole = located.scope.profile(profile).await.map_err(from_store)?;
        wanted.search.owners = both(wanted.search.owners.as_deref(), whole.aliases, whole.id);
    }
    if let Some(profile) = also {
        wanted.search.owners = match optional(located.scope.profile(profile).await)? {
            Some(whole) => both(wanted.search.owners.as_deref(), whole.aliases, whole.id),
            None => Some(Vec::new()),
        };
    }
    let found = located.scope.events(&wanted, page).await.map_err(from_store)?;
    Ok(ListEventsResponse {
        events: found.items.iter().map(|record| to_proto(located.names, record)).collect(),
        next_page_token: list.next(found.next),
    })
}

/// Events keep the profile that they were written for: those of a person are of the live profile and of all that became
/// part of it; and, where others are asked for already, of those too.
fn both(asked: Option<&[ProfileId]>, aliases: Vec<ProfileId>, live: ProfileId) -> Option<Vec<ProfileId>> {
    let mut owners = aliases;
    owners.push(live);
    owners.retain(|owner| asked.is_none_or(|asked| asked.contains(owner)));
    Some(owners)
}

/// The kind of a filter's value.
fn kind(text: &str) -> Option<Kind> {
    match text {
        "TRACK" => Some(Kind::Track),
        "IDENTIFY" => Some(Kind::Identify),
        "GROUP" => Some(Kind::Group),
        _ => None,
    }
}

/// Answers ListEventNames.
pub(super) async fn names(
    call: &Call<'_>,
    request: ListEventNamesRequest,
) -> Result<ListEventNamesResponse, Status> {
    let (path, source) = TenantPath::or_source("parent", &request.parent)?;
    let list = call.list("ListEventNames", &[&request.parent]);
    let page = list.page(request.page_size, &request.page_token)?;
    let located = call.locate(path).await?;
    let found = located.scope.event_names(source, page).await.map_err(from_store)?;
    Ok(ListEventNamesResponse {
        event_names: found.items.into_iter().map(name).collect(),
        next_page_token: list.next(found.next),
    })
}

fn name(record: EventNameRecord) -> EventName {
    EventName {
        event_name: record.key.name,
        kind: record.key.kind.number(),
        event_count: i64::try_from(record.events).unwrap_or(i64::MAX),
        first_time: Some(to_time(record.first_at)),
        last_time: Some(to_time(record.last_at)),
    }
}
