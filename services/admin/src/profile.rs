//! Profiles: who they are, what happened to them, and what people decide about them.

mod block;
mod conflict;
mod merge;
mod pair;
mod timeline;

use serde_json::Value;
use tonic::{Request, Response, Status};
use tributary_domain::{
    id::{CommandId, ProfileId},
    identity::{Identifier, IdentifierType, Trait},
    normalise,
};
use tributary_proto::admin::v1::{
    BlockIdentifierRequest, BlockedIdentifier, Conflict, CreateNeverJoinPairRequest, DecideConflictRequest,
    GetProfileRequest, GetProfileTimelineRequest, GetProfileTimelineResponse, LiftNeverJoinPairRequest,
    LiftNeverJoinPairResponse, ListBlockedIdentifiersRequest, ListBlockedIdentifiersResponse,
    ListConflictsRequest, ListConflictsResponse, ListMergesRequest, ListMergesResponse,
    ListNeverJoinPairsRequest, ListNeverJoinPairsResponse, ListProfilesRequest, ListProfilesResponse,
    LookupProfileRequest, Merge, NeverJoinPair, Profile, RulesVersion, UnblockIdentifierRequest,
    UnblockIdentifierResponse, UndoMergeRequest, profile, profile_service_server::ProfileService,
};
use tributary_store::profile::{IdentifierRecord, ProfileRecord};

pub(crate) use conflict::to_proto as conflict_to_proto;
pub(crate) use merge::to_proto as merge_to_proto;

use crate::{
    AdminContext,
    call::{Call, Located},
    convert::value::{to_proto as to_value, to_time},
    error::{from_command, from_store, not_found},
    name::{Names, TenantPath},
    violations::{Violations, invalid},
};

/// As long as an identifier can be.
const MAX_VALUE: usize = 512;

/// Answers calls about profiles.
#[derive(Debug)]
pub(crate) struct Profiles(pub(crate) AdminContext);

#[tonic::async_trait]
impl ProfileService for Profiles {
    async fn get_profile(&self, request: Request<GetProfileRequest>) -> Result<Response<Profile>, Status> {
        let call = self.0.call(&request).await?;
        let (path, profile) = TenantPath::child::<ProfileId>("name", &request.get_ref().name, "profiles")?;
        let located = call.locate(path).await?;
        let record = located.scope.profile(profile).await.map_err(from_store)?;
        Ok(Response::new(to_proto(located.names, record)))
    }

    async fn lookup_profile(
        &self,
        request: Request<LookupProfileRequest>,
    ) -> Result<Response<Profile>, Status> {
        let call = self.0.call(&request).await?;
        let request = request.into_inner();
        let (located, identifier) =
            identified(&call, &request.parent, &request.identifier_type, request.identifier_value).await?;
        located.check_personal("an identifier")?;
        let kind = &identifier.kind;
        let owner = located.scope.profile_by_identifier(kind, &identifier.value).await.map_err(from_store)?;
        let record =
            located.scope.profile(owner.ok_or_else(|| not_found("profile"))?).await.map_err(from_store)?;
        Ok(Response::new(to_proto(located.names, record)))
    }

    async fn list_profiles(
        &self,
        request: Request<ListProfilesRequest>,
    ) -> Result<Response<ListProfilesResponse>, Status> {
        let call = self.0.call(&request).await?;
        let request = request.into_inner();
        let located = call.locate(TenantPath::parse("parent", &request.parent)?).await?;
        let list = self.0.list("ListProfiles", &[&request.parent]);
        let page = list.page(request.page_size, &request.page_token)?;
        let found = located.scope.profiles(page).await.map_err(from_store)?;
        Ok(Response::new(ListProfilesResponse {
            profiles: found.items.into_iter().map(|record| to_proto(located.names, record)).collect(),
            next_page_token: list.next(found.next),
        }))
    }

    async fn get_profile_timeline(
        &self,
        request: Request<GetProfileTimelineRequest>,
    ) -> Result<Response<GetProfileTimelineResponse>, Status> {
        let call = self.0.call(&request).await?;
        timeline::get(&call, request.into_inner()).await.map(Response::new)
    }

    async fn list_conflicts(
        &self,
        request: Request<ListConflictsRequest>,
    ) -> Result<Response<ListConflictsResponse>, Status> {
        let call = self.0.call(&request).await?;
        conflict::list(&call, request.into_inner()).await.map(Response::new)
    }

    async fn decide_conflict(
        &self,
        request: Request<DecideConflictRequest>,
    ) -> Result<Response<Conflict>, Status> {
        let call = self.0.call(&request).await?;
        conflict::decide(&call, request.into_inner()).await.map(Response::new)
    }

    async fn list_merges(
        &self,
        request: Request<ListMergesRequest>,
    ) -> Result<Response<ListMergesResponse>, Status> {
        let call = self.0.call(&request).await?;
        merge::list(&call, request.into_inner()).await.map(Response::new)
    }

    async fn undo_merge(&self, request: Request<UndoMergeRequest>) -> Result<Response<Merge>, Status> {
        let call = self.0.call(&request).await?;
        merge::undo(&call, request.into_inner()).await.map(Response::new)
    }

    async fn list_never_join_pairs(
        &self,
        request: Request<ListNeverJoinPairsRequest>,
    ) -> Result<Response<ListNeverJoinPairsResponse>, Status> {
        let call = self.0.call(&request).await?;
        pair::list(&call, request.into_inner()).await.map(Response::new)
    }

    async fn create_never_join_pair(
        &self,
        request: Request<CreateNeverJoinPairRequest>,
    ) -> Result<Response<NeverJoinPair>, Status> {
        let call = self.0.call(&request).await?;
        pair::create(&call, request.into_inner()).await.map(Response::new)
    }

    async fn lift_never_join_pair(
        &self,
        request: Request<LiftNeverJoinPairRequest>,
    ) -> Result<Response<LiftNeverJoinPairResponse>, Status> {
        let call = self.0.call(&request).await?;
        pair::lift(&call, request.into_inner()).await.map(Response::new)
    }

    async fn list_blocked_identifiers(
        &self,
        request: Request<ListBlockedIdentifiersRequest>,
    ) -> Result<Response<ListBlockedIdentifiersResponse>, Status> {
        let call = self.0.call(&request).await?;
        block::list(&call, request.into_inner()).await.map(Response::new)
    }

    async fn block_identifier(
        &self,
        request: Request<BlockIdentifierRequest>,
    ) -> Result<Response<BlockedIdentifier>, Status> {
        let call = self.0.call(&request).await?;
        block::block(&call, request.into_inner()).await.map(Response::new)
    }

    async fn unblock_identifier(
        &self,
        request: Request<UnblockIdentifierRequest>,
    ) -> Result<Response<UnblockIdentifierResponse>, Status> {
        let call = self.0.call(&request).await?;
        block::unblock(&call, request.into_inner()).await.map(Response::new)
    }
}

/// The tenant of a name, and an identifier of it, normalised as an event's is.
///
/// # Errors
/// INVALID_ARGUMENT when the value is none of the type, or one that identifies nobody; NOT_FOUND and PERMISSION_DENIED as
/// [`Call::locate`].
async fn identified<'a>(
    call: &Call<'a>,
    parent: &str,
    kind: &str,
    value: String,
) -> Result<(Located<'a>, Identifier), Status> {
    let path = TenantPath::parse("parent", parent)?;
    let kind = IdentifierType::parse(kind)
        .ok_or_else(|| invalid("identifier_type", "expected a type such as email or external_id:crm"))?;
    let mut violations = Violations::default();
    violations.text("identifier_value", &value, MAX_VALUE);
    violations.check()?;
    let located = call.locate(path).await?;
    let identifier = normalise::identifier(&kind, &Value::String(value), &located.record.settings)
        .map_err(|rejection| invalid("identifier_value", rejection.to_string()))?;
    Ok((located, identifier))
}

/// Asks the ledger for something, and waits until it did it.
///
/// # Errors
/// FAILED_PRECONDITION when it refused, DEADLINE_EXCEEDED when it did not come to it in time.
pub(crate) async fn command(
    call: &Call<'_>,
    located: &Located<'_>,
    kind: &str,
    payload: &Value,
) -> Result<(), Status> {
    let (millis, random) = call.id_parts(&call.author);
    let command = CommandId::new(millis, random);
    located.scope.enqueue_command(command, kind, payload, &call.author).await.map_err(from_store)?;
    call.house.apply_command(located.record.id, command).await.map_err(from_command)?;
    Ok(())
}

/// By which rules something was decided, as the contract has it.
fn rules(revision: Option<u64>, version: Option<u32>) -> RulesVersion {
    RulesVersion {
        revision: revision.map_or(0, |revision| i64::try_from(revision).unwrap_or(i64::MAX)),
        version: version.map_or(0, |version| i32::try_from(version).unwrap_or(i32::MAX)),
    }
}

/// A profile as the contract has it.
pub(crate) fn to_proto(names: Names, record: ProfileRecord) -> Profile {
    let known = |(name, known): (&str, &Trait)| {
        let value = known.value.as_ref().map(to_value)?;
        Some((name.to_owned(), profile::Trait { value: Some(value), time: Some(to_time(known.time)) }))
    };
    Profile {
        name: names.profile(record.id),
        test: record.traits.is_test(),
        traits: record.traits.iter().filter_map(known).collect(),
        consents: record.traits.consents().filter_map(known).collect(),
        identifiers: record.identifiers.listed.into_iter().map(|owned| identifier(names, owned)).collect(),
        identifier_counts: record
            .identifiers
            .counts
            .into_iter()
            .map(|(kind, count)| (kind.to_string(), i64::try_from(count).unwrap_or(i64::MAX)))
            .collect(),
        merged_profiles: record.aliases.into_iter().map(|alias| names.profile(alias)).collect(),
        create_time: Some(to_time(record.created_at)),
        update_time: Some(to_time(record.updated_at)),
    }
}

/// An identifier of a profile as the contract has it.
pub(crate) fn identifier(names: Names, owned: IdentifierRecord) -> profile::OwnedIdentifier {
    profile::OwnedIdentifier {
        r#type: owned.kind.to_string(),
        value: owned.value,
        raw: owned.raw.unwrap_or_default(),
        first_seen_time: Some(to_time(owned.first_seen_at)),
        message: names.message(owned.message),
    }
}
