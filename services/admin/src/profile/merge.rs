//! Which profiles became one, and merges that are undone.

use serde_json::json;
use tonic::Status;
use tributary_domain::id::{MergeId, ProfileId};
use tributary_proto::admin::v1::{ListMergesRequest, ListMergesResponse, Merge, UndoMergeRequest};
use tributary_store::profile::MergeRecord;

use super::{command, rules};
use crate::{
    call::Call,
    convert::value::to_time,
    error::from_store,
    name::{Names, TenantPath},
    violations::invalid,
};

/// Answers ListMerges.
pub(super) async fn list(call: &Call<'_>, request: ListMergesRequest) -> Result<ListMergesResponse, Status> {
    let path = TenantPath::parse("parent", &request.parent)?;
    let profile = match request.profile.as_str() {
        "" => None,
        name => Some(TenantPath::child::<ProfileId>("profile", name, "profiles")?),
    };
    if profile.is_some_and(|(of, _)| of.tenant != path.tenant) {
        return Err(invalid("profile", "a profile of another tenant than `parent`"));
    }
    let located = call.locate(path).await?;
    let list = call.list("ListMerges", &[&request.parent, &request.profile]);
    let page = list.page(request.page_size, &request.page_token)?;
    let found = located.scope.merges(profile.map(|(_, profile)| profile), page).await.map_err(from_store)?;
    Ok(ListMergesResponse {
        merges: found.items.into_iter().map(|record| to_proto(located.names, record)).collect(),
        next_page_token: list.next(found.next),
    })
}

/// Answers UndoMerge.
pub(super) async fn undo(call: &Call<'_>, request: UndoMergeRequest) -> Result<Merge, Status> {
    let (path, merge) = TenantPath::child::<MergeId>("name", &request.name, "merges")?;
    let located = call.locate(path).await?;
    located.scope.merge(merge).await.map_err(from_store)?;
    let payload = json!({ "merge": merge, "actor": call.author.actor });
    command(call, &located, "undo_merge", &payload).await?;
    let record = located.scope.merge(merge).await.map_err(from_store)?;
    Ok(to_proto(located.names, record))
}

/// A merge as the contract has it.
pub(crate) fn to_proto(names: Names, record: MergeRecord) -> Merge {
    Merge {
        name: names.merge(record.id),
        winner: names.profile(record.winner),
        loser: names.profile(record.loser),
        identifier_type: record.kind,
        identifier_value: record.value,
        event: names.event(record.event),
        message: names.message(record.event.message()),
        create_time: Some(to_time(record.at)),
        conflict: record.conflict.map(|conflict| names.conflict(conflict)).unwrap_or_default(),
        accepted_by: record.actor.unwrap_or_default(),
        rules: Some(rules(record.config_rev, record.rules_version)),
        undoable: record.is_exact && record.undone_at.is_none(),
        undo_time: record.undone_at.map(to_time),
        undone_by: record.undone_by.unwrap_or_default(),
    }
}
