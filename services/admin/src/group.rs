//! Groups: the accounts and companies that people belong to.

use tonic::{Request, Response, Status};
use tributary_domain::{
    id::{GroupId, ProfileId},
    identity::Trait,
};
use tributary_proto::admin::v1::{
    GetGroupRequest, GroupMember, ListGroupMembersRequest, ListGroupMembersResponse, ListGroupsRequest,
    ListGroupsResponse, ProfileGroup, group_service_server::GroupService, profile_group,
};
use tributary_store::group::{GroupFilter, GroupRecord, MemberRecord};

use crate::{
    AdminContext,
    convert::value::{to_proto as to_value, to_time},
    error::from_store,
    filter::{Field, Filter, Operator::Is},
    name::{Names, TenantPath},
};

/// The type of its identity.
const TYPE: Field = Field { name: "type", operators: &[Is] };
/// Its identity.
const VALUE: Field = Field { name: "value", operators: &[Is] };

/// Answers calls about groups.
#[derive(Debug)]
pub(crate) struct Groups(pub(crate) AdminContext);

#[tonic::async_trait]
impl GroupService for Groups {
    async fn get_group(&self, request: Request<GetGroupRequest>) -> Result<Response<ProfileGroup>, Status> {
        let call = self.0.call(&request).await?;
        let (path, group) = TenantPath::child::<GroupId>("name", &request.get_ref().name, "groups")?;
        let located = call.locate(path).await?;
        let record = located.scope.group(group).await.map_err(from_store)?;
        Ok(Response::new(to_proto(located.names, record)))
    }

    async fn list_groups(
        &self,
        request: Request<ListGroupsRequest>,
    ) -> Result<Response<ListGroupsResponse>, Status> {
        let call = self.0.call(&request).await?;
        let request = request.into_inner();
        let (path, profile) = match TenantPath::parse("parent", &request.parent) {
            Ok(path) => (path, None),
            Err(_) => {
                let (path, profile) = TenantPath::child::<ProfileId>("parent", &request.parent, "profiles")?;
                (path, Some(profile))
            }
        };
        let filter = Filter::parse(&request.filter, &[TYPE, VALUE])?;
        let value = |field: Field| filter.find(field.name, Is).map(|clause| clause.value().to_owned());
        let wanted = GroupFilter { kind: value(TYPE), value: value(VALUE), profile };
        let list = self.0.list("ListGroups", &[&request.parent, &request.filter]);
        let page = list.page(request.page_size, &request.page_token)?;
        let located = call.locate(path).await?;
        if wanted.value.is_some() {
            located.check_personal("`value`")?;
        }
        let found = located.scope.groups(&wanted, page).await.map_err(from_store)?;
        Ok(Response::new(ListGroupsResponse {
            groups: found.items.into_iter().map(|record| to_proto(located.names, record)).collect(),
            next_page_token: list.next(found.next),
        }))
    }

    async fn list_group_members(
        &self,
        request: Request<ListGroupMembersRequest>,
    ) -> Result<Response<ListGroupMembersResponse>, Status> {
        let call = self.0.call(&request).await?;
        let request = request.into_inner();
        let (path, group) = TenantPath::child::<GroupId>("parent", &request.parent, "groups")?;
        let list = self.0.list("ListGroupMembers", &[&request.parent]);
        let page = list.page(request.page_size, &request.page_token)?;
        let located = call.locate(path).await?;
        located.scope.group(group).await.map_err(from_store)?;
        let found = located.scope.group_members(group, page).await.map_err(from_store)?;
        Ok(Response::new(ListGroupMembersResponse {
            members: found.items.iter().map(|record| member(located.names, record)).collect(),
            next_page_token: list.next(found.next),
        }))
    }
}

fn to_proto(names: Names, record: GroupRecord) -> ProfileGroup {
    let known = |(name, known): (&str, &Trait)| {
        let value = known.value.as_ref().map(to_value)?;
        Some((name.to_owned(), profile_group::Trait { value: Some(value), time: Some(to_time(known.time)) }))
    };
    ProfileGroup {
        name: names.group(record.id),
        traits: record.traits.iter().filter_map(known).collect(),
        r#type: record.kind,
        value: record.value,
        create_time: Some(to_time(record.created_at)),
        update_time: Some(to_time(record.updated_at)),
    }
}

fn member(names: Names, record: &MemberRecord) -> GroupMember {
    GroupMember { profile: names.profile(record.profile), join_time: Some(to_time(record.joined_at)) }
}
