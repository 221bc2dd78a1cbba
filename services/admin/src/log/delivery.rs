//! Deliveries and their attempts.

use tonic::Status;
use tributary_connectors::destinations::{PLATFORMS, Verdict};
use tributary_domain::{committed::CommittedAttempt, id::DeliveryId};
use tributary_proto::admin::v1::{
    Delivery, DeliveryAttempt, ListDeliveriesRequest, ListDeliveriesResponse, delivery::State,
};
use tributary_store::{
    LARGEST_PAGE, Page, Show,
    delivery::{AttemptRecord, DeliveryFilter, DeliveryRecord, DeliveryState, Milder},
    search::Search,
};

use super::{
    message::headers,
    search::{self, Asked},
};
use crate::{
    call::{Call, Located},
    convert::value::{to_span, to_time},
    error::from_store,
    filter::{
        Field, Filter,
        Operator::{Is, IsNot},
    },
    name::{Names, TenantPath},
};

/// Where it goes.
pub(super) const DESTINATION: Field = Field { name: "destination", operators: &[Is] };
/// How far it is.
pub(super) const STATE: Field = Field { name: "state", operators: &[Is, IsNot] };
/// What such a state is.
pub(super) const A_STATE: &str = "PENDING, DELIVERED or FAILED";
/// Where the message came in.
pub(crate) const SOURCE: Field = Field { name: "source", operators: &[Is] };
/// What made the event.
pub(crate) const WORKFLOW: Field = Field { name: "workflow", operators: &[Is] };

/// By which word it was not taken.
const ERROR_CODE: Field = Field { name: "error_code", operators: &[Is] };
/// Whether that word means something else by now.
const VERDICT_CHANGED: Field = Field { name: "verdict_changed", operators: &[Is] };
/// The longest word, in bytes.
const MAX_CODE: usize = 100;

/// What is asked of deliveries and of nothing else.
pub(super) const OF_A_DELIVERY: [Field; 6] =
    [DESTINATION, STATE, SOURCE, WORKFLOW, ERROR_CODE, VERDICT_CHANGED];

/// Which deliveries a filter asks for, but for what every log knows and for what [`milder`] adds.
///
/// # Errors
/// INVALID_ARGUMENT when a value is none of its field's.
pub(super) fn wanted(filter: &Filter) -> Result<DeliveryFilter, Status> {
    let state = |operator| filter.read(STATE.name, operator, A_STATE, DeliveryState::from_code);
    Ok(DeliveryFilter {
        destination: search::id(filter, DESTINATION.name, "`dst_…`")?,
        state: state(Is)?,
        not_state: state(IsNot)?,
        source: search::id(filter, SOURCE.name, "`src_…`")?,
        workflow: search::id(filter, WORKFLOW.name, "`wfl_…`")?,
        error_code: filter.read(ERROR_CODE.name, Is, "a code of 1 to 100 bytes", |code| {
            (1..=MAX_CODE).contains(&code.len()).then(|| code.to_owned())
        })?,
        milder: filter
            .read(VERDICT_CHANGED.name, Is, "true", |value| (value == "true").then_some(()))?
            .map(|()| Vec::new()),
        ..DeliveryFilter::default()
    })
}

/// Adds the words of the tenant's platforms that meant a failure for good and mean something else now, where the filter asks
/// for those.
///
/// # Errors
/// When the database fails.
pub(super) async fn milder(located: &Located<'_>, wanted: &mut DeliveryFilter) -> Result<(), Status> {
    let Some(milder) = &mut wanted.milder else { return Ok(()) };
    let mut page = Page::first(LARGEST_PAGE);
    loop {
        let found = located.scope.destinations(Show::All, page).await.map_err(from_store)?;
        for platform in PLATFORMS {
            let on_it = found.items.iter().filter(|record| record.platform == platform.name());
            let destinations: Vec<_> = on_it.map(|record| record.id).collect();
            let codes = |is_permanent: bool| {
                let errors = platform.about().errors.iter();
                let these = errors.filter(move |error| (error.verdict == Verdict::Permanent) == is_permanent);
                these.map(|error| error.code.to_owned()).collect::<Vec<_>>()
            };
            if !destinations.is_empty() {
                let verdict = "PERMANENT".to_owned();
                milder.push(Milder { destinations, verdict, codes: codes(false), but: codes(true) });
            }
        }
        let Some(next) = found.next else { return Ok(()) };
        page = Page::after(next, LARGEST_PAGE);
    }
}

/// Answers ListDeliveries.
pub(super) async fn list(
    call: &Call<'_>,
    request: ListDeliveriesRequest,
) -> Result<ListDeliveriesResponse, Status> {
    let path = TenantPath::parse("parent", &request.parent)?;
    let filter = Filter::parse(&request.filter, &search::fields_with(&OF_A_DELIVERY))?;
    let asked = Asked::of(&filter)?;
    let mut wanted = wanted(&filter)?;
    let list = call.list("ListDeliveries", &[&request.parent, &request.filter, &request.order_by]);
    let page = list.page(request.page_size, &request.page_token)?;
    let order = search::order(&request.order_by)?;
    let located = call.locate(path).await?;
    milder(&located, &mut wanted).await?;
    let searched = asked.search(&located, call.clock.now(), page.after.is_some()).await?;
    wanted.search = Search { order, ..searched };
    let found = located.scope.deliveries(&wanted, page).await.map_err(from_store)?;
    Ok(ListDeliveriesResponse {
        deliveries: found.items.into_iter().map(|record| to_proto(located.names, record)).collect(),
        next_page_token: list.next(found.next),
    })
}

/// Answers GetDelivery.
pub(super) async fn get(call: &Call<'_>, name: &str) -> Result<Delivery, Status> {
    let (path, delivery) = TenantPath::child::<DeliveryId>("name", name, "deliveries")?;
    let located = call.locate(path).await?;
    let record = located.scope.delivery(delivery).await.map_err(from_store)?;
    with_attempts(&located, record).await
}

/// A delivery with its attempts.
pub(crate) async fn with_attempts(located: &Located<'_>, record: DeliveryRecord) -> Result<Delivery, Status> {
    let attempts = located.scope.delivery_attempts(record.id).await.map_err(from_store)?;
    Ok(Delivery { attempts: attempts.into_iter().map(attempt).collect(), ..to_proto(located.names, record) })
}

/// A delivery as the contract has it, without its attempts.
pub(super) fn to_proto(names: Names, record: DeliveryRecord) -> Delivery {
    Delivery {
        name: names.delivery(record.id),
        event: names.event(record.event),
        destination: names.destination(record.destination),
        message: names.message(record.id.message()),
        generation: i32::try_from(record.generation).unwrap_or(i32::MAX),
        state: state(record.state).into(),
        next_attempt_time: (record.state == DeliveryState::Pending).then(|| to_time(record.due_at)),
        attempt_count: i32::try_from(record.attempts).unwrap_or(i32::MAX),
        create_time: Some(to_time(record.created_at)),
        complete_time: record.completed_at.map(to_time),
        last_http_status: record.last_status.map(i32::from).unwrap_or_default(),
        wait_until_time: is_postponed(&record).then(|| to_time(record.due_at)),
        last_error: record.last_error.unwrap_or_default(),
        error_code: record.cause.map(|cause| cause.code).unwrap_or_default(),
        attempts: Vec::new(),
    }
}

/// Whether it was made to be sent later, and was not tried yet.
fn is_postponed(record: &DeliveryRecord) -> bool {
    let is_untried = record.state == DeliveryState::Pending && record.attempts == 0;
    is_untried && record.due_at > record.created_at
}

/// What is told of a delivery as soon as it was attempted.
pub(super) fn attempted(names: Names, attempt: &CommittedAttempt) -> Delivery {
    Delivery {
        name: names.delivery(attempt.delivery),
        destination: names.destination(attempt.destination),
        message: names.message(attempt.delivery.message()),
        state: DeliveryState::from_code(attempt.state).map_or(State::Unspecified, state).into(),
        next_attempt_time: attempt.next.map(to_time),
        attempt_count: i32::try_from(attempt.attempts).unwrap_or(i32::MAX),
        last_http_status: attempt.http_status.map(i32::from).unwrap_or_default(),
        last_error: attempt.error.clone().unwrap_or_default(),
        ..Delivery::default()
    }
}

fn state(state: DeliveryState) -> State {
    match state {
        DeliveryState::Pending => State::Pending,
        DeliveryState::Delivered => State::Delivered,
        DeliveryState::Failed => State::Failed,
    }
}

fn attempt(record: AttemptRecord) -> DeliveryAttempt {
    DeliveryAttempt {
        number: i32::try_from(record.number).unwrap_or(i32::MAX),
        start_time: Some(to_time(record.started_at)),
        duration: Some(to_span(record.duration)),
        outcome: record.outcome,
        http_status: record.http_status.map(i32::from).unwrap_or_default(),
        response_headers: headers(record.response_headers),
        response_body: record.response_body,
        response_body_truncated: record.is_truncated,
        error: record.error.unwrap_or_default(),
        response_removed: record.answer_removed,
    }
}
