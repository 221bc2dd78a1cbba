//! Profiles that are kept apart.

use serde_json::json;
use tonic::Status;
use tributary_domain::{
    id::{ConflictId, MergeId, ProfileId},
    identity::PairId,
};
use tributary_proto::admin::v1::{
    CreateNeverJoinPairRequest, LiftNeverJoinPairRequest, LiftNeverJoinPairResponse,
    ListNeverJoinPairsRequest, ListNeverJoinPairsResponse, NeverJoinPair,
};
use tributary_store::profile::PairRecord;

use super::command;
use crate::{
    call::Call,
    convert::value::to_time,
    error::{from_store, not_found},
    name::{Names, TenantPath},
    violations::Violations,
};

/// Answers ListNeverJoinPairs.
pub(super) async fn list(
    call: &Call<'_>,
    request: ListNeverJoinPairsRequest,
) -> Result<ListNeverJoinPairsResponse, Status> {
    let located = call.locate(TenantPath::parse("parent", &request.parent)?).await?;
    let list = call.list("ListNeverJoinPairs", &[&request.parent]);
    let page = list.page(request.page_size, &request.page_token)?;
    let found = located.scope.never_join_pairs(page).await.map_err(from_store)?;
    Ok(ListNeverJoinPairsResponse {
        never_join_pairs: found.items.into_iter().map(|record| to_proto(located.names, record)).collect(),
        next_page_token: list.next(found.next),
    })
}

/// Answers CreateNeverJoinPair.
pub(super) async fn create(
    call: &Call<'_>,
    request: CreateNeverJoinPairRequest,
) -> Result<NeverJoinPair, Status> {
    let path = TenantPath::parse("parent", &request.parent)?;
    let mut violations = Violations::default();
    let mut profile = |field: &str, name: &str| {
        let found = TenantPath::child::<ProfileId>(field, name, "profiles").ok();
        let id = found.filter(|(of, _)| of.tenant == path.tenant).map(|(_, profile)| profile);
        if id.is_none() {
            violations.add(field, "expected the name of a profile of the tenant");
        }
        id
    };
    let two = (profile("profile", &request.profile), profile("other_profile", &request.other_profile));
    let located = call.locate(path).await?;
    violations.check()?;
    let (Some(one), Some(other)) = two else { return Err(not_found("profile")) };
    let pair = PairId::of(one, other);
    let payload = json!({ "left": pair.left, "right": pair.right, "actor": call.author.actor });
    command(call, &located, "keep_apart", &payload).await?;
    let record = located.scope.never_join_pair(pair).await.map_err(from_store)?;
    Ok(to_proto(located.names, record))
}

/// Answers LiftNeverJoinPair.
pub(super) async fn lift(
    call: &Call<'_>,
    request: LiftNeverJoinPairRequest,
) -> Result<LiftNeverJoinPairResponse, Status> {
    let (path, pair) = TenantPath::child::<PairId>("name", &request.name, "neverJoinPairs")?;
    let located = call.locate(path).await?;
    located.scope.never_join_pair(pair).await.map_err(from_store)?;
    let payload = json!({ "left": pair.left, "right": pair.right });
    command(call, &located, "lift_never_join", &payload).await?;
    Ok(LiftNeverJoinPairResponse {})
}

fn to_proto(names: Names, record: PairRecord) -> NeverJoinPair {
    let because = record.because.unwrap_or_default();
    let because = match (because.parse::<MergeId>(), because.parse::<ConflictId>()) {
        (Ok(merge), _) => names.merge(merge),
        (_, Ok(conflict)) => names.conflict(conflict),
        _ => String::new(),
    };
    NeverJoinPair {
        name: names.never_join_pair(record.pair),
        profile: names.profile(record.pair.left),
        other_profile: names.profile(record.pair.right),
        create_time: Some(to_time(record.created_at)),
        created_by: record.actor.unwrap_or_default(),
        because,
    }
}
