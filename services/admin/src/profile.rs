//! Profiles, and the joins of people that were refused.

use serde_json::Value;
use tonic::{Request, Response, Status};
use tributary_domain::{id::ProfileId, identity::IdentifierType, normalise};
use tributary_proto::admin::v1::{
    Conflict, GetProfileRequest, ListConflictsRequest, ListConflictsResponse, ListProfilesRequest,
    ListProfilesResponse, LookupProfileRequest, Profile, profile, profile_service_server::ProfileService,
};
use tributary_store::profile::{ConflictRecord, IdentifierRecord, ProfileRecord};

use crate::{
    AdminContext,
    convert::{
        identifier::{refusal, why},
        value::{to_proto as to_value, to_time},
    },
    error::{from_store, not_found},
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
        let path = TenantPath::parse("parent", &request.parent)?;
        let kind = IdentifierType::parse(&request.identifier_type)
            .ok_or_else(|| invalid("identifier_type", "expected a type such as email or external_id:crm"))?;
        let mut violations = Violations::default();
        violations.text("identifier_value", &request.identifier_value, MAX_VALUE);
        violations.check()?;
        let located = call.locate(path).await?;
        let value = Value::String(request.identifier_value);
        let identifier = normalise::identifier(&kind, &value, &located.record.settings)
            .map_err(|rejection| invalid("identifier_value", rejection.to_string()))?;
        let owner =
            located.scope.profile_by_identifier(&kind, &identifier.value).await.map_err(from_store)?;
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

    async fn list_conflicts(
        &self,
        request: Request<ListConflictsRequest>,
    ) -> Result<Response<ListConflictsResponse>, Status> {
        let call = self.0.call(&request).await?;
        let request = request.into_inner();
        let located = call.locate(TenantPath::parse("parent", &request.parent)?).await?;
        let list = self.0.list("ListConflicts", &[&request.parent]);
        let page = list.page(request.page_size, &request.page_token)?;
        let found = located.scope.conflicts(page).await.map_err(from_store)?;
        Ok(Response::new(ListConflictsResponse {
            conflicts: found.items.into_iter().map(|record| conflict(located.names, record)).collect(),
            next_page_token: list.next(found.next),
        }))
    }
}

/// A profile as the contract has it.
pub(crate) fn to_proto(names: Names, record: ProfileRecord) -> Profile {
    let traits = record.traits.iter().filter_map(|(name, known)| {
        let value = known.value.as_ref().map(to_value)?;
        Some((name.to_owned(), profile::Trait { value: Some(value), time: Some(to_time(known.time)) }))
    });
    Profile {
        name: names.profile(record.id),
        traits: traits.collect(),
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

fn identifier(names: Names, owned: IdentifierRecord) -> profile::OwnedIdentifier {
    profile::OwnedIdentifier {
        r#type: owned.kind.to_string(),
        value: owned.value,
        raw: owned.raw.unwrap_or_default(),
        first_seen_time: Some(to_time(owned.first_seen_at)),
        message: names.message(owned.message),
    }
}

/// A refused join as the contract has it.
pub(crate) fn conflict(names: Names, record: ConflictRecord) -> Conflict {
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
    }
}
