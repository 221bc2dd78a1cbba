//! Joins that were refused, and what people decide about them.

use serde_json::json;
use tonic::Status;
use tributary_domain::{
    id::ConflictId,
    identity::{ConflictState, Verdict},
};
use tributary_proto::admin::v1::{
    Conflict, DecideConflictRequest, ListConflictsRequest, ListConflictsResponse,
};
use tributary_store::profile::ConflictRecord;

use super::{command, rules};
use crate::{
    call::Call,
    convert::{
        enums::Twin,
        identifier::{refusal, why},
        value::to_time,
    },
    error::from_store,
    name::{Names, TenantPath},
    violations::invalid,
};

/// Answers ListConflicts.
pub(super) async fn list(
    call: &Call<'_>,
    request: ListConflictsRequest,
) -> Result<ListConflictsResponse, Status> {
    let located = call.locate(TenantPath::parse("parent", &request.parent)?).await?;
    let state = ConflictState::of_number(request.state)
        .map_err(|number| invalid("state", format!("{number} is no state of a conflict")))?;
    let list = call.list("ListConflicts", &[&request.parent, &request.state.to_string()]);
    let page = list.page(request.page_size, &request.page_token)?;
    let found = located.scope.conflicts(state, page).await.map_err(from_store)?;
    Ok(ListConflictsResponse {
        conflicts: found.items.into_iter().map(|record| to_proto(located.names, record)).collect(),
        next_page_token: list.next(found.next),
    })
}

/// Answers DecideConflict.
pub(super) async fn decide(call: &Call<'_>, request: DecideConflictRequest) -> Result<Conflict, Status> {
    let (path, conflict) = TenantPath::child::<ConflictId>("name", &request.name, "conflicts")?;
    let verdict = Verdict::of_number(request.verdict)
        .map_err(|number| invalid("verdict", format!("{number} is no verdict")))?
        .ok_or_else(|| invalid("verdict", "say what is to become of the conflict"))?;
    let located = call.locate(path).await?;
    located.scope.conflict(conflict).await.map_err(from_store)?;
    let verdict = match verdict {
        Verdict::Accept => "accept",
        Verdict::Refuse => "refuse",
        Verdict::NeverAgain => "never_again",
    };
    let payload = json!({ "conflict": conflict, "verdict": verdict, "actor": call.author.actor });
    command(call, &located, "decide_conflict", &payload).await?;
    let record = located.scope.conflict(conflict).await.map_err(from_store)?;
    Ok(to_proto(located.names, record))
}

pub(crate) fn to_proto(names: Names, record: ConflictRecord) -> Conflict {
    let because = refusal(&record.rule).map_or_else(|| record.rule.clone(), |rule| why(rule).to_owned());
    let text = format!(
        "{} {} did not join {} and {}: {because}",
        record.kind, record.value, record.profile, record.other
    );
    Conflict {
        name: names.conflict(record.id),
        rule: record.rule,
        identifier_type: record.kind,
        identifier_value: record.value,
        profile: names.profile(record.profile),
        other_profile: names.profile(record.other),
        event: names.event(record.event),
        first_time: Some(to_time(record.first_at)),
        last_time: Some(to_time(record.last_at)),
        count: i64::try_from(record.count).unwrap_or(i64::MAX),
        text,
        state: record.state.number(),
        decide_time: record.decided_at.map(to_time),
        decided_by: record.decided_by.unwrap_or_default(),
        never_join_pair: record.pair.map(|pair| names.never_join_pair(pair)).unwrap_or_default(),
        rules: Some(rules(record.config_rev, record.rules_version)),
    }
}
