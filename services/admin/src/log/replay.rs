//! Replays: what is chosen by a filter is processed or sent again, by an operation.

use std::{
    str::FromStr,
    time::{Duration, Instant},
};

use prost::Message as _;
use tonic::Status;
use tributary_domain::{
    id::{DeliveryId, MessageId, SourceId, WorkflowId},
    workflow::status::RunStatus,
};
use tributary_proto::admin::v1::{
    MessageView, Operation, ReplayDeliveriesRequest, ReplayMessagesRequest, ReplayPreview,
};
use tributary_store::{
    message::{MessageFilter, RunOf},
    operation::{Choice, Place},
    search::Search,
};

use super::{
    delivery::{self, OF_A_DELIVERY, WORKFLOW},
    lists::{self, OF_A_MESSAGE},
    message::MessageReader,
    parents,
    run::A_STATUS,
    search::{self, Asked},
};
use crate::{
    call::{Call, Located},
    error::{from_store, optional},
    filter::{
        Field, Filter,
        Operator::{Is, IsNot},
    },
    name::{TenantPath, named_or_bare},
    operation,
    violations::{Violations, invalid},
};

/// How a run of the message ended.
pub(crate) const RUN_STATUS: Field = Field { name: "run_status", operators: &[Is, IsNot] };
/// How many things can be named.
const MOST_NAMED: usize = 500;
/// How long a preview counts.
const COUNTS: Duration = Duration::from_secs(5);
/// How many things a preview shows.
const SHOWN: usize = 5;

/// Answers ReplayMessages.
pub(super) async fn messages(
    mut call: Call<'_>,
    mut request: ReplayMessagesRequest,
) -> Result<Operation, Status> {
    call.author = call.once(call.author.clone(), "ReplayMessages", &request.request_id, &request)?;
    let (path, source) = TenantPath::or_source("parent", &request.parent)?;
    let own = [&OF_A_MESSAGE[..], &[WORKFLOW, RUN_STATUS]].concat();
    let filter = Filter::parse(&request.filter, &search::fields_with(&own))?;
    let asked = Asked::of(&filter)?;
    let status = |operator| filter.read(RUN_STATUS.name, operator, A_STATUS, RunStatus::from_code);
    let run = RunOf {
        workflow: search::id::<WorkflowId>(&filter, WORKFLOW.name, "`wfl_…`")?,
        status: status(Is)?,
        not_status: status(IsNot)?,
    };
    let only = named::<MessageId>("messages", &request.messages, "messages")?;
    let located = call.locate(path).await?;
    check(&asked, &request.filter, only.is_empty(), "messages")?;
    let choice = if only.is_empty() {
        let search = bounded(&call, &located, &asked).await?;
        let mut filters = Vec::new();
        for source in sources(&located, source).await? {
            let wanted = lists::wanted(&filter, source)?;
            filters.push(MessageFilter { run, search: search.clone(), ..wanted });
        }
        Choice::Messages { only, filters }
    } else {
        if let Some(source) = source {
            located.scope.any_source(source).await.map_err(from_store)?;
        }
        Choice::Messages { only: only_of(&located, only, source).await?, filters: Vec::new() }
    };
    if request.validate_only {
        return preview(&located, &choice).await;
    }
    request.request_id.clear();
    operation::begin(&call, &located, request.encode_to_vec(), choice).await
}

/// Answers ReplayDeliveries.
pub(super) async fn deliveries(
    mut call: Call<'_>,
    mut request: ReplayDeliveriesRequest,
) -> Result<Operation, Status> {
    call.author = call.once(call.author.clone(), "ReplayDeliveries", &request.request_id, &request)?;
    let path = TenantPath::parse("parent", &request.parent)?;
    let filter = Filter::parse(&request.filter, &search::fields_with(&OF_A_DELIVERY))?;
    let asked = Asked::of(&filter)?;
    let mut wanted = delivery::wanted(&filter)?;
    let only = named::<DeliveryId>("deliveries", &request.deliveries, "deliveries")?;
    let located = call.locate(path).await?;
    check(&asked, &request.filter, only.is_empty(), "deliveries")?;
    delivery::milder(&located, &mut wanted).await?;
    if only.is_empty() {
        wanted.search = bounded(&call, &located, &asked).await?;
    }
    let choice = Choice::Deliveries { only, filter: Box::new(wanted) };
    if request.validate_only {
        return preview(&located, &choice).await;
    }
    request.request_id.clear();
    operation::begin(&call, &located, request.encode_to_vec(), choice).await
}

/// The ids of what is named, by names or bare ids. Whose they are is not looked at: what belongs to another tenant is not
/// found there.
///
/// # Errors
/// INVALID_ARGUMENT when there are too many, or one is none.
fn named<T>(field: &str, names: &[String], collection: &str) -> Result<Vec<T>, Status>
where
    T: FromStr<Err: std::fmt::Display>,
{
    if names.len() > MOST_NAMED {
        return Err(invalid(field, format!("at most {MOST_NAMED}: choose more by a filter")));
    }
    let mut violations = Violations::default();
    let mut ids = Vec::with_capacity(names.len());
    for (number, name) in names.iter().enumerate() {
        let field = format!("{field}[{number}]");
        let found = named_or_bare::<T>(&field, name, collection);
        ids.extend(violations.take(&field, found.map_err(|status| status.message().to_owned())));
    }
    violations.check()?;
    Ok(ids)
}

/// That it is said what is replayed, in one way.
fn check(asked: &Asked, filter: &str, is_by_filter: bool, named: &str) -> Result<(), Status> {
    if !is_by_filter && !filter.is_empty() {
        return Err(invalid("filter", format!("either a filter or `{named}`, not both")));
    }
    if is_by_filter && !asked.begins() {
        return Err(invalid(
            "filter",
            format!(
                "needs a `time >= …` or a `message = …`, so that nothing is replayed by mistake; or set `{named}`"
            ),
        ));
    }
    Ok(())
}

/// What is searched for, up to now: what comes later is processed as it is anyway.
async fn bounded(call: &Call<'_>, located: &Located<'_>, asked: &Asked) -> Result<Search, Status> {
    let now = call.clock.now();
    let search = asked.search(located, now, false).await?;
    let end = MessageId::new(now.millis() + 1, 0);
    Ok(Search { before: search.before.into_iter().chain([end]).min(), ..search })
}

/// The source that is named, or all of the tenant.
async fn sources(located: &Located<'_>, named: Option<SourceId>) -> Result<Vec<SourceId>, Status> {
    match named {
        Some(source) => Ok(vec![located.scope.any_source(source).await.map_err(from_store)?.id]),
        None => parents::sources(located).await,
    }
}

/// Those of the named messages that came in at the source, where one is named.
async fn only_of(
    located: &Located<'_>,
    only: Vec<MessageId>,
    source: Option<SourceId>,
) -> Result<Vec<MessageId>, Status> {
    let Some(source) = source else { return Ok(only) };
    for (number, message) in only.iter().enumerate() {
        let found = optional(located.scope.message(*message).await)?;
        if found.is_some_and(|found| found.summary.source != source) {
            return Err(invalid(format!("messages[{number}]"), "it did not come in at this source"));
        }
    }
    Ok(only)
}

/// What would be done.
async fn preview(located: &Located<'_>, choice: &Choice) -> Result<Operation, Status> {
    let (mut items, mut place, began) = (Vec::new(), Some(Place::default()), Instant::now());
    let mut count = 0;
    while let Some(from) = place.take_if(|_| began.elapsed() < COUNTS) {
        let found = located.scope.choose(choice, &from).await.map_err(from_store)?;
        count += found.items.len();
        items.extend(found.items.into_iter().take(SHOWN.saturating_sub(items.len())));
        place = found.next;
    }
    let mut preview = ReplayPreview {
        count: i64::try_from(count).unwrap_or(i64::MAX),
        complete: place.is_none(),
        ..ReplayPreview::default()
    };
    for item in items {
        match choice {
            Choice::Messages { .. } => {
                let Ok(message) = item.parse() else { continue };
                let Some(found) = optional(located.scope.message(message).await)? else { continue };
                let shown = MessageReader::new(located).one(found, MessageView::Basic).await?;
                preview.messages.push(shown);
            }
            Choice::Backtest(_) => {}
            Choice::Deliveries { .. } => {
                let Ok(delivery) = item.parse() else { continue };
                let Some(found) = optional(located.scope.delivery(delivery).await)? else { continue };
                preview.deliveries.push(delivery::to_proto(located.names, found));
            }
            Choice::Person { .. } => {}
        }
    }
    Ok(Operation { preview: Some(preview), ..Operation::default() })
}
