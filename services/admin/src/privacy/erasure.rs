//! Erasures, and what their receipts tell.

use prost::Message as _;
use tonic::Status;
use tributary_domain::id::{OperationId, ProfileId};
use tributary_proto::admin::v1::{
    Disclosure, EraseProfileRequest, Erasure, ListDisclosuresRequest, ListDisclosuresResponse, Operation,
    disclosure::State,
};
use tributary_store::{
    delivery::DeliveryState,
    erasure::{DisclosureRecord, ErasureRecord},
    operation::Choice,
};

use crate::{
    call::{Call, Located},
    convert::value::to_time,
    error::{from_store, not_found},
    name::{Names, TenantPath},
    operation,
};

/// Answers EraseProfile. Somebody who was erased already is refused at once.
pub(super) async fn begin(mut call: Call<'_>, mut request: EraseProfileRequest) -> Result<Operation, Status> {
    call.author = call.once(call.author.clone(), "EraseProfile", &request.request_id, &request)?;
    let (path, profile) = TenantPath::child::<ProfileId>("name", &request.name, "profiles")?;
    let located = call.locate(path).await?;
    // The same request, sent again, finds nobody any more: it is answered with what it began.
    let is_repeated = match &call.author.once {
        Some(once) => located.scope.is_repeated(once, call.author.at).await.map_err(from_store)?,
        None => false,
    };
    if !is_repeated {
        located.scope.profile(profile).await.map_err(from_store)?;
    }
    request.request_id.clear();
    operation::begin(&call, &located, request.encode_to_vec(), Choice::Person { profile }).await
}

/// Answers GetErasure.
pub(super) async fn get(call: &Call<'_>, name: &str) -> Result<Erasure, Status> {
    let (located, record) = find(call, "name", name).await?;
    let count = |(table, rows): (String, u64)| (table, i64::try_from(rows).unwrap_or(i64::MAX));
    Ok(Erasure {
        name: located.names.erasure(record.operation),
        operation: located.names.operation(record.operation),
        profile: located.names.profile(record.profile),
        erase_time: Some(to_time(record.erased_at)),
        complete_time: record.completed_at.map(to_time),
        removed_counts: record.counts.into_iter().map(count).collect(),
    })
}

/// Answers ListDisclosures.
pub(super) async fn disclosures(
    call: &Call<'_>,
    request: &ListDisclosuresRequest,
) -> Result<ListDisclosuresResponse, Status> {
    let list = call.list("ListDisclosures", &[&request.parent]);
    let page = list.page(request.page_size, &request.page_token)?;
    let (located, record) = find(call, "parent", &request.parent).await?;
    let found = located.scope.disclosures(record.operation, page).await.map_err(from_store)?;
    Ok(ListDisclosuresResponse {
        disclosures: found.items.into_iter().map(|record| disclosure(located.names, record)).collect(),
        next_page_token: list.next(found.next),
    })
}

/// The erasure that a name belongs to.
async fn find<'a>(call: &Call<'a>, field: &str, name: &str) -> Result<(Located<'a>, ErasureRecord), Status> {
    let (path, operation) = TenantPath::child::<OperationId>(field, name, "erasures")?;
    let located = call.locate(path).await?;
    let record = located.scope.erasure(operation).await.map_err(from_store)?;
    Ok((located, record.ok_or_else(|| not_found("erasure"))?))
}

fn disclosure(names: Names, record: DisclosureRecord) -> Disclosure {
    let state = match record.state {
        DeliveryState::Delivered => State::Delivered,
        DeliveryState::Pending | DeliveryState::Failed => State::Attempted,
    };
    Disclosure {
        delivery: names.delivery(record.delivery),
        destination: names.destination(record.destination),
        event_name: record.event_name,
        state: state.into(),
        attempts: i32::try_from(record.attempts).unwrap_or(i32::MAX),
        time: record.told_at.map(to_time),
    }
}
