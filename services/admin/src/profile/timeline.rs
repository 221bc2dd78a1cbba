//! What happened to a person.

use tonic::Status;
use tributary_domain::id::ProfileId;
use tributary_proto::admin::v1::{
    GetProfileTimelineRequest, GetProfileTimelineResponse, TimelineEntry,
    timeline_entry::{DeliveryEntry, Entry, EventEntry, IdentifierEntry},
};
use tributary_store::{
    delivery::DeliveryRecord,
    profile::{Happened, HappenedEvent},
};

use super::merge;
use crate::{
    call::Call,
    convert::value::{to_proto as to_value, to_time},
    error::from_store,
    name::{Names, TenantPath},
};

/// Answers GetProfileTimeline.
pub(super) async fn get(
    call: &Call<'_>,
    request: GetProfileTimelineRequest,
) -> Result<GetProfileTimelineResponse, Status> {
    let (path, profile) = TenantPath::child::<ProfileId>("name", &request.name, "profiles")?;
    let located = call.locate(path).await?;
    let list = call.list("GetProfileTimeline", &[&request.name]);
    let page = list.page(request.page_size, &request.page_token)?;
    let found = located.scope.timeline(profile, page).await.map_err(from_store)?;
    Ok(GetProfileTimelineResponse {
        entries: found.items.into_iter().map(|happened| to_proto(located.names, happened)).collect(),
        next_page_token: list.next(found.next),
    })
}

fn to_proto(names: Names, happened: Happened) -> TimelineEntry {
    let (time, entry) = match happened {
        Happened::Event(happened) => (happened.event.received_at, Entry::Event(event(names, *happened))),
        Happened::Identified(owned) => {
            let entry = IdentifierEntry {
                identifier_type: owned.kind.to_string(),
                identifier_value: owned.value,
                message: names.message(owned.message),
                profile: names.profile(owned.profile),
            };
            (owned.first_seen_at, Entry::Identifier(entry))
        }
        Happened::Merged(record) => (record.at, Entry::Merged(merge::to_proto(names, record))),
        Happened::Undone(record) => {
            let at = record.undone_at.unwrap_or(record.at);
            (at, Entry::Undone(merge::to_proto(names, record)))
        }
    };
    TimelineEntry { time: Some(to_time(time)), entry: Some(entry) }
}

fn event(names: Names, HappenedEvent { event, deliveries }: HappenedEvent) -> EventEntry {
    let traits = &event.data.draft.traits;
    EventEntry {
        event: names.event(event.id),
        event_name: event.name,
        message: names.message(event.id.message()),
        event_time: Some(to_time(event.occurred_at)),
        profile: event.profile.map(|profile| names.profile(profile)).unwrap_or_default(),
        traits: traits.iter().map(|(name, value)| (name.clone(), to_value(value))).collect(),
        deliveries: deliveries.iter().map(|record| delivery(names, record)).collect(),
    }
}

fn delivery(names: Names, record: &DeliveryRecord) -> DeliveryEntry {
    DeliveryEntry {
        delivery: names.delivery(record.id),
        destination: names.destination(record.destination),
        state: record.state.code().to_owned(),
        http_status: record.last_status.map_or(0, i32::from),
        complete_time: record.completed_at.map(to_time),
    }
}
