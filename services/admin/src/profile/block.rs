//! Values that are no evidence.

use serde_json::json;
use tonic::Status;
use tributary_domain::id::BlockId;
use tributary_proto::admin::v1::{
    BlockIdentifierRequest, BlockedIdentifier, ListBlockedIdentifiersRequest, ListBlockedIdentifiersResponse,
    UnblockIdentifierRequest, UnblockIdentifierResponse, blocked_identifier::Reason,
};
use tributary_store::profile::{BlockReason, BlockRecord};

use super::{command, identified};
use crate::{
    call::Call,
    convert::value::to_time,
    error::from_store,
    name::{Names, TenantPath},
};

/// Answers ListBlockedIdentifiers.
pub(super) async fn list(
    call: &Call<'_>,
    request: ListBlockedIdentifiersRequest,
) -> Result<ListBlockedIdentifiersResponse, Status> {
    let located = call.locate(TenantPath::parse("parent", &request.parent)?).await?;
    let list = call.list("ListBlockedIdentifiers", &[&request.parent]);
    let page = list.page(request.page_size, &request.page_token)?;
    let found = located.scope.blocked_identifiers(page).await.map_err(from_store)?;
    Ok(ListBlockedIdentifiersResponse {
        blocked_identifiers: found.items.into_iter().map(|record| to_proto(located.names, record)).collect(),
        next_page_token: list.next(found.next),
    })
}

/// Answers BlockIdentifier.
pub(super) async fn block(
    call: &Call<'_>,
    request: BlockIdentifierRequest,
) -> Result<BlockedIdentifier, Status> {
    let (located, identifier) =
        identified(call, &request.parent, &request.identifier_type, request.identifier_value).await?;
    let (kind, value) = (&identifier.kind, &identifier.value);
    let payload = json!({ "kind": kind, "value": value, "actor": call.author.actor });
    command(call, &located, "block_identifier", &payload).await?;
    let record = located.scope.blocked_value(kind.as_str(), value).await.map_err(from_store)?;
    Ok(to_proto(located.names, record))
}

/// Answers UnblockIdentifier.
pub(super) async fn unblock(
    call: &Call<'_>,
    request: UnblockIdentifierRequest,
) -> Result<UnblockIdentifierResponse, Status> {
    let (path, block) = TenantPath::child::<BlockId>("name", &request.name, "blockedIdentifiers")?;
    let located = call.locate(path).await?;
    let record = located.scope.blocked_identifier(block).await.map_err(from_store)?;
    let payload = json!({ "kind": record.kind, "value": record.value, "actor": call.author.actor });
    command(call, &located, "unblock_identifier", &payload).await?;
    Ok(UnblockIdentifierResponse {})
}

fn to_proto(names: Names, record: BlockRecord) -> BlockedIdentifier {
    let reason = match record.reason {
        BlockReason::Person => Reason::Person,
        BlockReason::Guard => Reason::Guard,
    };
    BlockedIdentifier {
        name: names.blocked_identifier(record.id),
        identifier_type: record.kind,
        identifier_value: record.value,
        reason: reason.into(),
        people: i32::try_from(record.people).unwrap_or(i32::MAX),
        blocked_by: record.actor.unwrap_or_default(),
        event: record.event.map(|event| names.event(event)).unwrap_or_default(),
        create_time: Some(to_time(record.at)),
    }
}
