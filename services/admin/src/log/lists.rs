//! Lists of messages: the source log, what was refused, what is held.

use std::cmp::Reverse;

use tonic::Status;
use tributary_domain::id::SourceId;
use tributary_proto::admin::v1::{
    HeldMessage, ListHeldMessagesRequest, ListHeldMessagesResponse, ListMessagesRequest,
    ListMessagesResponse, ListRejectedRequestsRequest, ListRejectedRequestsResponse, RejectedRequest,
    RejectedRequestCount,
};
use tributary_store::{
    held::HeldRecord,
    message::{CluidStatus, MessageFilter},
    rejected::RejectionRecord,
    search::Search,
};

use super::{
    message::{MessageReader, fate_code, headers},
    parents,
    run::STATUS,
    search::{self, Asked},
};
use crate::{
    call::{Call, Located},
    check,
    convert::value::to_time,
    error::from_store,
    filter::{
        Field, Filter,
        Operator::{Is, IsNot},
    },
    name::{Names, TenantPath},
};

/// The provider's own name of the event.
pub(super) const PROVIDER_EVENT: Field = Field { name: "provider_event", operators: &[Is] };
/// What the source found where it looks for the cluid.
pub(super) const CLUID_STATUS: Field = Field { name: "cluid_status", operators: &[Is] };
/// Whether it is a test.
pub(super) const TEST: Field = Field { name: "test", operators: &[Is] };
/// What that can be.
pub(super) const A_FLAG: &str = "true or false";
/// What statuses a message can have once it is in the log.
pub(super) const A_MESSAGE_STATUS: &str = "SUCCEEDED, DUPLICATE, HELD or PARKED";
/// What can be found where the cluid should be.
pub(super) const A_CLUID_STATUS: &str = "FOUND, MISSING, FOREIGN or PLACEHOLDER";

/// What is asked of messages and of nothing else.
pub(crate) const OF_A_MESSAGE: [Field; 4] = [STATUS, PROVIDER_EVENT, CLUID_STATUS, TEST];

/// Which messages of a source a filter asks for, but for what every log knows.
///
/// # Errors
/// INVALID_ARGUMENT when a value is none of its field's.
pub(crate) fn wanted(filter: &Filter, source: SourceId) -> Result<MessageFilter, Status> {
    let code = |text: &str| fate_code(text).map(str::to_owned);
    let fate = |operator| filter.read(STATUS.name, operator, A_MESSAGE_STATUS, code);
    Ok(MessageFilter {
        fate: fate(Is)?,
        not_fate: fate(IsNot)?,
        provider_event: filter.find(PROVIDER_EVENT.name, Is).map(|clause| clause.value().to_owned()),
        cluid_status: filter.read(CLUID_STATUS.name, Is, A_CLUID_STATUS, CluidStatus::from_code)?,
        is_test: filter.read(TEST.name, Is, A_FLAG, |text| text.parse().ok())?,
        ..MessageFilter::of(source)
    })
}

/// Answers ListMessages.
pub(super) async fn messages(
    call: &Call<'_>,
    request: ListMessagesRequest,
) -> Result<ListMessagesResponse, Status> {
    let (path, source) = TenantPath::any_source("parent", &request.parent)?;
    let view = check::message_view(request.view)?;
    let filter = Filter::parse(&request.filter, &search::fields_with(&OF_A_MESSAGE))?;
    let asked = Asked::of(&filter)?;
    let mut wanted = wanted(&filter, SourceId::from_bits(0))?;
    let list = call.list("ListMessages", &[&request.parent, &request.filter, &request.order_by]);
    let page = list.page(request.page_size, &request.page_token)?;
    let order = search::order(&request.order_by)?;
    let located = call.locate(path).await?;
    let searched = asked.search(&located, call.clock.now(), page.after.is_some()).await?;
    let mut sources = of_parent(&located, source).await?.into_iter();
    let Some(first) = sources.next() else { return Ok(ListMessagesResponse::default()) };
    (wanted.source, wanted.also) = (first, sources.collect());
    wanted.search = Search { order, ..searched };
    let found = located.scope.messages(&wanted, page).await.map_err(from_store)?;
    let (messages, full_at) = MessageReader::new(&located).all(found.items, view, order).await?;
    Ok(ListMessagesResponse { messages, next_page_token: list.next(full_at.or(found.next)) })
}

async fn of_parent(located: &Located<'_>, source: Option<SourceId>) -> Result<Vec<SourceId>, Status> {
    match source {
        Some(source) => Ok(vec![source]),
        None => parents::sources(located).await,
    }
}

/// Answers ListRejectedRequests.
pub(super) async fn rejected_requests(
    call: &Call<'_>,
    request: ListRejectedRequestsRequest,
) -> Result<ListRejectedRequestsResponse, Status> {
    let (path, source) = TenantPath::any_source("parent", &request.parent)?;
    let list = call.list("ListRejectedRequests", &[&request.parent]);
    let page = list.page(request.page_size, &request.page_token)?;
    let located = call.locate(path).await?;
    let sources = of_parent(&located, source).await?;
    let found = located.scope.rejections(&sources, page).await.map_err(from_store)?;
    let mut counts = located.scope.rejection_counts(&sources).await.map_err(from_store)?;
    counts.sort_by_key(|(_, count)| Reverse(*count));
    let counts = counts.into_iter().map(|(reason, count)| RejectedRequestCount {
        reason,
        count: i64::try_from(count).unwrap_or(i64::MAX),
    });
    Ok(ListRejectedRequestsResponse {
        rejected_requests: found.items.into_iter().map(|record| rejected(located.names, record)).collect(),
        next_page_token: list.next(found.next),
        counts: counts.collect(),
    })
}

fn rejected(names: Names, record: RejectionRecord) -> RejectedRequest {
    RejectedRequest {
        name: names.rejected_request(record.source, record.id),
        request_time: Some(to_time(record.at)),
        reason: record.reason,
        detail: record.detail,
        http_status: record.http_status.into(),
        headers: headers(record.headers),
        body: record.body,
    }
}

/// Answers ListHeldMessages.
pub(super) async fn held_messages(
    call: &Call<'_>,
    request: ListHeldMessagesRequest,
) -> Result<ListHeldMessagesResponse, Status> {
    let located = call.locate(TenantPath::parse("parent", &request.parent)?).await?;
    let list = call.list("ListHeldMessages", &[&request.parent]);
    let page = list.page(request.page_size, &request.page_token)?;
    let found = located.scope.held_messages(page).await.map_err(from_store)?;
    Ok(ListHeldMessagesResponse {
        held_messages: found.items.into_iter().map(|record| held(located.names, record)).collect(),
        next_page_token: list.next(found.next),
    })
}

/// A held message as the contract has it.
pub(super) fn held(names: Names, record: HeldRecord) -> HeldMessage {
    HeldMessage {
        name: names.held_message(record.position),
        message: names.message(record.message),
        source: names.source(record.source),
        reason: record.reason,
        hold_time: Some(to_time(record.held_at)),
    }
}
