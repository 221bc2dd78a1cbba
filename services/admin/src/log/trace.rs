//! Traces: a message's whole life. What each node saw is not stored: evaluation is pure and versions never change,
//! so the stored body is evaluated again with the stored version.

mod evaluate;

use std::collections::{HashMap, hash_map::Entry};

use tonic::Status;
use tributary_domain::id::{DestinationId, EventId, MessageId, ProfileId, WorkflowId};
use tributary_proto::admin::v1::{
    DeliveryTrace, EventTrace, MessageReplay, MessageTrace, MessageView, RunTrace, message_replay::RunBefore,
};
use tributary_store::{delivery::DeliveryRecord, event::EventRecord, ledger::Fate, message::MessageRecord};

pub(crate) use evaluate::to_proto as node_to_proto;

use super::{
    delivery, lists,
    message::{Found, MessageReader, accepted, find},
    parked, run, step,
};
use crate::{
    call::{Call, Located},
    conversion,
    convert::{status, value::to_time},
    error::{from_store, optional},
    event,
};

/// Answers GetMessageTrace.
pub(super) async fn get(call: &Call<'_>, name: &str) -> Result<MessageTrace, Status> {
    match find(call, name).await? {
        Found::Accepted(message, names) => {
            Ok(MessageTrace { message: Some(accepted(message, names)), ..MessageTrace::default() })
        }
        Found::Stored(stored) => {
            let (located, record) = *stored;
            of_record(&located, record).await
        }
    }
}

async fn of_record(located: &Located<'_>, record: MessageRecord) -> Result<MessageTrace, Status> {
    let session = located.scope.read_session().await.map_err(from_store)?;
    let located = &located.within(&session);
    let (scope, message) = (&located.scope, record.summary.id);
    // The source's id where it was removed since.
    let source = optional(scope.door_source(record.summary.source).await)?;
    let source_display_name = source
        .as_ref()
        .map_or_else(|| record.summary.source.to_string(), |source| source.display_name.clone());
    let (mut parked, mut held) = (None, None);
    // A parked one that is redriven waits among the held until its turn comes.
    if matches!(record.summary.fate, Fate::Parked | Fate::Held) {
        let found = optional(scope.parked_message(message).await)?;
        parked = found.map(|found| parked::to_proto(located.names, found));
        let found = scope.held_message(message).await.map_err(from_store)?;
        held = found.map(|found| lists::held(located.names, found));
    }
    let replays = replays(located, message).await?;
    if replays.last().is_some_and(|replay| replay.replay_time.is_none()) {
        let found = scope.held_message(message).await.map_err(from_store)?;
        held = found.map(|found| lists::held(located.names, found));
    }
    let workflows: Vec<WorkflowId> = record.summary.runs.iter().map(|run| run.workflow).collect();
    let found = scope.message_runs(message, &workflows).await.map_err(from_store)?;
    // Both take about as long, and neither needs the other.
    let (mut traces, mut events) = tokio::try_join!(
        evaluate::nodes(located, &record, &source_display_name, source.as_ref(), &found),
        Events::read(located, &record)
    )?;
    let mut runs = Vec::with_capacity(found.len());
    for run in found {
        runs.push(RunTrace {
            workflow_display_name: workflow_name(located, run.workflow).await?,
            nodes: traces.remove(&run.workflow).unwrap_or_default(),
            events: events.of(run.workflow),
            run: Some(run::to_proto(located.names, &run)),
        });
    }
    let about = conversion::of_message(located, &record, source.as_ref(), &events.profiles).await?;
    let conversion = about.map(|about| conversion::to_proto(located.names, &about));
    let follow_ups = events.follow_ups;
    let message = Some(MessageReader::new(located).one(record, MessageView::Full).await?);
    Ok(MessageTrace { message, source_display_name, runs, parked, held, replays, conversion, follow_ups })
}

/// How often a message was replayed, and how it stood before.
async fn replays(located: &Located<'_>, message: MessageId) -> Result<Vec<MessageReplay>, Status> {
    let mut replays = Vec::new();
    for replay in located.scope.message_replays(message).await.map_err(from_store)? {
        let mut runs_before = Vec::with_capacity(replay.runs.len());
        for run in &replay.runs {
            runs_before.push(RunBefore {
                workflow_display_name: workflow_name(located, run.workflow).await?,
                version: i32::try_from(run.version).unwrap_or(i32::MAX),
                status: Some(status::run(run.status, None)),
            });
        }
        replays.push(MessageReplay {
            operation: located.names.operation(replay.operation),
            replay_time: replay.replayed_at.map(to_time),
            status_before: replay.fate.map(|fate| status::run(fate.status(), None)),
            runs_before,
        });
    }
    Ok(replays)
}

/// The name of a workflow; its id where it was deleted since.
async fn workflow_name(located: &Located<'_>, workflow: WorkflowId) -> Result<String, Status> {
    let found = optional(located.scope.workflow(workflow).await)?;
    Ok(found.map_or_else(|| workflow.to_string(), |workflow| workflow.display_name))
}

/// The events of a message with their deliveries, by workflow.
#[derive(Debug)]
struct Events {
    by_workflow: HashMap<WorkflowId, Vec<EventTrace>>,
    /// Those that no workflow made.
    follow_ups: Vec<EventTrace>,
    /// Whose they are.
    profiles: Vec<ProfileId>,
}

impl Events {
    async fn read(located: &Located<'_>, record: &MessageRecord) -> Result<Self, Status> {
        let message = record.summary.id;
        let mut events = located.scope.message_events(message).await.map_err(from_store)?;
        events.sort_by_key(|event| event.data.draft.index);
        let mut deliveries = Deliveries::read(located, record).await?;
        let mut profiles: Vec<ProfileId> = events.iter().filter_map(|event| event.profile).collect();
        profiles.sort_unstable();
        profiles.dedup();
        let mut by_workflow: HashMap<WorkflowId, Vec<EventTrace>> = HashMap::new();
        let mut follow_ups = Vec::new();
        for record in events {
            let trace = event_trace(located, &record, &mut deliveries);
            if record.is_follow_up() {
                // Whose it is was decided for the event that it follows.
                follow_ups.push(EventTrace { identity: None, ..trace });
            } else {
                by_workflow.entry(record.workflow).or_default().push(trace);
            }
        }
        Ok(Self { by_workflow, follow_ups, profiles })
    }

    fn of(&mut self, workflow: WorkflowId) -> Vec<EventTrace> {
        self.by_workflow.remove(&workflow).unwrap_or_default()
    }
}

fn event_trace(located: &Located<'_>, record: &EventRecord, deliveries: &mut Deliveries) -> EventTrace {
    EventTrace {
        event: Some(event::to_proto(located.names, record)),
        identity: Some(step::decision(located.names, record.profile, &record.data)),
        deliveries: deliveries.by_event.remove(&record.id).unwrap_or_default(),
    }
}

/// The deliveries of a message with their attempts, by event.
#[derive(Debug)]
struct Deliveries {
    by_event: HashMap<EventId, Vec<DeliveryTrace>>,
}

impl Deliveries {
    async fn read(located: &Located<'_>, record: &MessageRecord) -> Result<Self, Status> {
        let found = located.scope.message_deliveries(record.summary.id).await.map_err(from_store)?;
        let mut destinations = HashMap::new();
        let mut by_event: HashMap<_, Vec<_>> = HashMap::new();
        for record in found {
            let event = record.event;
            let trace = delivery_trace(located, &mut destinations, record).await?;
            by_event.entry(event).or_default().push(trace);
        }
        Ok(Self { by_event })
    }
}

async fn delivery_trace(
    located: &Located<'_>,
    destinations: &mut HashMap<DestinationId, (String, String)>,
    record: DeliveryRecord,
) -> Result<DeliveryTrace, Status> {
    let (destination_display_name, platform) = match destinations.entry(record.destination) {
        Entry::Occupied(known) => known.get().clone(),
        Entry::Vacant(unknown) => {
            let found = optional(located.scope.destination(record.destination).await)?;
            let described = found.map(|found| (found.display_name, found.platform));
            unknown
                .insert(described.unwrap_or_else(|| (record.destination.to_string(), String::new())))
                .clone()
        }
    };
    let delivery = Some(delivery::with_attempts(located, record).await?);
    Ok(DeliveryTrace { delivery, destination_display_name, platform })
}
