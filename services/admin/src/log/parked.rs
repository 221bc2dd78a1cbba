//! Parked messages, and how they are processed again.

use serde_json::json;
use tonic::Status;
use tributary_domain::id::{CommandId, MessageId};
use tributary_proto::admin::v1::{
    ListParkedMessagesRequest, ListParkedMessagesResponse, ParkedMessage, RedriveParkedMessageResponse,
};
use tributary_store::parked::ParkedRecord;

use crate::{
    call::Call,
    convert::value::to_time,
    error::{from_command, from_store},
    name::{Names, TenantPath},
};

/// The ledger's name of the command.
const REDRIVE: &str = "redrive_parked";

/// Answers ListParkedMessages.
pub(super) async fn list(
    call: &Call<'_>,
    request: ListParkedMessagesRequest,
) -> Result<ListParkedMessagesResponse, Status> {
    let located = call.locate(TenantPath::parse("parent", &request.parent)?).await?;
    let list = call.list("ListParkedMessages", &[&request.parent]);
    let page = list.page(request.page_size, &request.page_token)?;
    let found = located.scope.parked_messages(page).await.map_err(from_store)?;
    Ok(ListParkedMessagesResponse {
        parked_messages: found.items.into_iter().map(|record| to_proto(located.names, record)).collect(),
        next_page_token: list.next(found.next),
    })
}

/// Answers RedriveParkedMessage: asks the ledger, and waits until it did.
pub(super) async fn redrive(call: &Call<'_>, name: &str) -> Result<RedriveParkedMessageResponse, Status> {
    let (path, message) = TenantPath::child::<MessageId>("name", name, "parkedMessages")?;
    let located = call.locate(path).await?;
    located.scope.parked_message(message).await.map_err(from_store)?;
    let (millis, random) = call.id_parts(&call.author);
    let command = CommandId::new(millis, random);
    let payload = json!({ "message": message });
    located.scope.enqueue_command(command, REDRIVE, &payload, &call.author).await.map_err(from_store)?;
    call.house.apply_command(located.record.id, command).await.map_err(from_command)?;
    Ok(RedriveParkedMessageResponse { message: located.names.message(message) })
}

/// A parked message as the contract has it.
pub(super) fn to_proto(names: Names, record: ParkedRecord) -> ParkedMessage {
    ParkedMessage {
        name: names.parked_message(record.message),
        message: names.message(record.message),
        source: names.source(record.source),
        reason: record.reason,
        detail: record.detail,
        park_time: Some(to_time(record.parked_at)),
    }
}
