//! Lists of messages: the source log, what was refused, what is held.

use std::cmp::Reverse;

use tonic::Status;
use tributary_proto::admin::v1::{
    HeldMessage, ListHeldMessagesRequest, ListHeldMessagesResponse, ListMessagesRequest,
    ListMessagesResponse, ListRejectedRequestsRequest, ListRejectedRequestsResponse, RejectedRequest,
    RejectedRequestCount,
};
use tributary_store::{held::HeldRecord, rejected::RejectionRecord};

use super::{
    message::{MessageReader, headers},
    window::{self, Window},
};
use crate::{
    call::Call,
    check,
    convert::value::to_time,
    error::from_store,
    filter::Filter,
    name::{Names, TenantPath},
};

/// Answers ListMessages.
pub(super) async fn messages(
    call: &Call<'_>,
    request: ListMessagesRequest,
) -> Result<ListMessagesResponse, Status> {
    let (path, source) = TenantPath::child("parent", &request.parent, "sources")?;
    let view = check::message_view(request.view)?;
    let window = Window::of(&Filter::parse(&request.filter, &window::CLAUSES)?)?;
    let list = call.list("ListMessages", &[&request.parent, &request.filter]);
    let page = window.begin(list.page(request.page_size, &request.page_token)?, |message| message);
    let located = call.locate(path).await?;
    let found = located.scope.messages(source, page).await.map_err(from_store)?;
    let found = window.end(found, |line| line.id);
    let (messages, full_at) = MessageReader::new(&located).all(found.items, view).await?;
    Ok(ListMessagesResponse { messages, next_page_token: list.next(full_at.or(found.next)) })
}

/// Answers ListRejectedRequests.
pub(super) async fn rejected_requests(
    call: &Call<'_>,
    request: ListRejectedRequestsRequest,
) -> Result<ListRejectedRequestsResponse, Status> {
    let (path, source) = TenantPath::child("parent", &request.parent, "sources")?;
    let list = call.list("ListRejectedRequests", &[&request.parent]);
    let page = list.page(request.page_size, &request.page_token)?;
    let located = call.locate(path).await?;
    let found = located.scope.rejections(source, page).await.map_err(from_store)?;
    let mut counts = located.scope.rejection_counts(source).await.map_err(from_store)?;
    counts.sort_by_key(|counted| Reverse(counted.count));
    let counts = counts.into_iter().map(|counted| RejectedRequestCount {
        reason: counted.reason,
        count: i64::try_from(counted.count).unwrap_or(i64::MAX),
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
