//! Members and invitations.

use std::time::Duration;

use tonic::{Request, Response, Status};
use tributary_auth::SecretKind;
use tributary_domain::{
    access::{AgencyRole, PrincipalId},
    id::{AgencyId, InvitationId, MemberId},
};
use tributary_proto::admin::v1::{
    CreateInvitationRequest, CreateInvitationResponse, DeleteMemberRequest, GetInvitationRequest,
    GetMemberRequest, Invitation, ListInvitationsRequest, ListInvitationsResponse, ListMembersRequest,
    ListMembersResponse, Member, ResendInvitationRequest, ResendInvitationResponse,
    ResetMemberPasswordRequest, ResetMemberPasswordResponse, RevokeInvitationRequest, UpdateMemberRequest,
    invitation, member_service_server::MemberService,
};
use tributary_store::access::{
    AgencyScope, Grants, InvitationKind, InvitationRecord, MemberChange, MemberRecord, NewInvitation,
    TokenHash,
};

use crate::{
    AdminContext,
    call::Call,
    check::{self, required},
    convert::{enums::Twin, grant, value::to_time},
    error::from_store,
    name, once,
    violations::Violations,
};

/// How long an invitation is open.
const OPEN: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// How long a password can be set anew.
const RESET: Duration = Duration::from_secs(24 * 60 * 60);

/// Answers calls about members.
#[derive(Debug)]
pub(crate) struct Members(pub(crate) AdminContext);

#[tonic::async_trait]
impl MemberService for Members {
    async fn get_member(&self, request: Request<GetMemberRequest>) -> Result<Response<Member>, Status> {
        let call = self.0.call(&request).await?;
        let (scope, member) = self.child(&call, "name", &request.get_ref().name, "members")?;
        Ok(Response::new(to_proto(scope.member(member).await.map_err(from_store)?)))
    }

    async fn list_members(
        &self,
        request: Request<ListMembersRequest>,
    ) -> Result<Response<ListMembersResponse>, Status> {
        let call = self.0.call(&request).await?;
        let request = request.into_inner();
        let scope = self.agency(&call, "parent", &request.parent)?;
        let list = self.0.list("ListMembers", &[&request.parent]);
        let page = list.page(request.page_size, &request.page_token)?;
        let found = scope.members(page).await.map_err(from_store)?;
        Ok(Response::new(ListMembersResponse {
            members: found.items.into_iter().map(to_proto).collect(),
            next_page_token: list.next(found.next),
        }))
    }

    async fn update_member(&self, request: Request<UpdateMemberRequest>) -> Result<Response<Member>, Status> {
        let call = self.0.call(&request).await?;
        let request = request.into_inner();
        let given = required("member", request.member)?;
        let mask = check::mask(request.update_mask, &["display_name", "role", "grants"])?;
        let revision = check::revision("member.etag", &given.etag)?;
        let (scope, member) = self.child::<MemberId>(&call, "member.name", &given.name, "members")?;
        let mut violations = Violations::default();
        let mut change = MemberChange::default();
        for path in &mask {
            match path.as_str() {
                "display_name" => {
                    violations.display_name("member.display_name", &given.display_name);
                    change.display_name = Some(given.display_name.clone());
                }
                "role" => {
                    change.role = Some(grant::agency_role(given.role, "member.role", &mut violations));
                }
                _ => {
                    let grants = grant::grants(&given.grants, scope.id(), "member.grants", &mut violations);
                    change.grants = Some(grants);
                }
            }
        }
        violations.check()?;
        let changed = scope.update_member(member, revision, &change, call.appointer(), &call.author).await;
        Ok(Response::new(to_proto(changed.map_err(from_store)?)))
    }

    async fn delete_member(&self, request: Request<DeleteMemberRequest>) -> Result<Response<()>, Status> {
        let call = self.0.call(&request).await?;
        let DeleteMemberRequest { name, etag } = request.into_inner();
        let (scope, member) = self.child(&call, "name", &name, "members")?;
        let now = scope.member(member).await.map_err(from_store)?;
        let revision = check::revision_or(&etag, now.revision)?;
        let deleted = scope.delete_member(member, revision, call.appointer(), &call.author).await;
        deleted.map(Response::new).map_err(from_store)
    }

    async fn reset_member_password(
        &self,
        request: Request<ResetMemberPasswordRequest>,
    ) -> Result<Response<ResetMemberPasswordResponse>, Status> {
        let call = self.0.call(&request).await?;
        let (scope, member) = self.child(&call, "name", &request.get_ref().name, "members")?;
        let (token, hash) = self.token();
        let new = NewInvitation {
            id: self.invitation_id(&call),
            email: String::new(),
            display_name: String::new(),
            role: AgencyRole::Member,
            grants: Grants::new(),
            hash,
            expires_at: call.author.at.plus(RESET),
        };
        let made = scope.reset_password(member, &new, call.appointer(), &call.author).await;
        let invitation = Some(invitation_to_proto(made.map_err(from_store)?));
        Ok(Response::new(ResetMemberPasswordResponse { invitation, token }))
    }

    async fn get_invitation(
        &self,
        request: Request<GetInvitationRequest>,
    ) -> Result<Response<Invitation>, Status> {
        let call = self.0.call(&request).await?;
        let (scope, invitation) = self.child(&call, "name", &request.get_ref().name, "invitations")?;
        let found = scope.invitation(invitation).await.map_err(from_store)?;
        Ok(Response::new(invitation_to_proto(found)))
    }

    async fn list_invitations(
        &self,
        request: Request<ListInvitationsRequest>,
    ) -> Result<Response<ListInvitationsResponse>, Status> {
        let call = self.0.call(&request).await?;
        let request = request.into_inner();
        let scope = self.agency(&call, "parent", &request.parent)?;
        let list = self.0.list("ListInvitations", &[&request.parent]);
        let page = list.page(request.page_size, &request.page_token)?;
        let found = scope.invitations(page).await.map_err(from_store)?;
        Ok(Response::new(ListInvitationsResponse {
            invitations: found.items.into_iter().map(invitation_to_proto).collect(),
            next_page_token: list.next(found.next),
        }))
    }

    async fn create_invitation(
        &self,
        request: Request<CreateInvitationRequest>,
    ) -> Result<Response<CreateInvitationResponse>, Status> {
        let mut call = self.0.call(&request).await?;
        let request = request.into_inner();
        call.author = self.0.once(call.author.clone(), "CreateInvitation", &request.request_id, &request)?;
        let scope = self.agency(&call, "parent", &request.parent)?;
        let given = required("invitation", request.invitation)?;
        let mut violations = Violations::default();
        let email = violations.email("invitation.email", &given.email);
        let display_name = match given.display_name.is_empty() {
            true => email.clone(),
            false => given.display_name,
        };
        violations.display_name("invitation.display_name", &display_name);
        let role = grant::agency_role(given.role, "invitation.role", &mut violations);
        let grants = grant::grants(&given.grants, scope.id(), "invitation.grants", &mut violations);
        violations.check()?;
        let (token, hash) = self.token();
        let expires_at = call.author.at.plus(OPEN);
        let id = self.invitation_id(&call);
        call.author = call.author.answering(&token);
        let new = NewInvitation { id, email, display_name, role, grants, hash, expires_at };
        let (made, token) = match once::made(scope.invite(&new, call.appointer(), &call.author).await)? {
            Ok(made) => (made, token),
            Err(before) => {
                let made = scope.invitation(name::id("request_id", &before.resource)?).await;
                let request = required("request_id", call.author.once.as_ref())?;
                let token = scope.repeated_answer(request, &before).map_err(from_store)?;
                (made.map_err(from_store)?, token)
            }
        };
        let invitation = Some(invitation_to_proto(made));
        Ok(Response::new(CreateInvitationResponse { invitation, token }))
    }

    async fn resend_invitation(
        &self,
        request: Request<ResendInvitationRequest>,
    ) -> Result<Response<ResendInvitationResponse>, Status> {
        let call = self.0.call(&request).await?;
        let (scope, id) =
            self.child::<InvitationId>(&call, "name", &request.get_ref().name, "invitations")?;
        let (token, hash) = self.token();
        let sent = scope.resend_invitation(id, &hash, call.appointer(), &call.author).await;
        let invitation = Some(invitation_to_proto(sent.map_err(from_store)?));
        Ok(Response::new(ResendInvitationResponse { invitation, token }))
    }

    async fn revoke_invitation(
        &self,
        request: Request<RevokeInvitationRequest>,
    ) -> Result<Response<()>, Status> {
        let call = self.0.call(&request).await?;
        let (scope, id) = self.child(&call, "name", &request.get_ref().name, "invitations")?;
        let revoked = scope.revoke_invitation(id, call.appointer(), &call.author).await;
        revoked.map(Response::new).map_err(from_store)
    }
}

impl Members {
    /// The agency that a name means, if the caller may.
    fn agency(&self, call: &Call<'_>, field: &str, name: &str) -> Result<AgencyScope<'_>, Status> {
        let agency: AgencyId = name::agency_id(field, name)?;
        call.check_agency(agency)?;
        Ok(self.0.store.agency(agency))
    }

    /// The agency of a name, if the caller may, and the id of what is below it.
    fn child<T>(
        &self,
        call: &Call<'_>,
        field: &str,
        name: &str,
        collection: &str,
    ) -> Result<(AgencyScope<'_>, T), Status>
    where
        T: std::str::FromStr<Err: std::fmt::Display>,
    {
        let (agency, child) = name::agency_child(field, name, collection)?;
        call.check_agency(agency)?;
        Ok((self.0.store.agency(agency), child))
    }

    /// A token for an invitation, and what is kept of it.
    fn token(&self) -> (String, TokenHash) {
        let token = SecretKind::Invitation.generate(|| (self.0.random)());
        let hash = TokenHash::of(&token);
        (token, hash)
    }

    fn invitation_id(&self, call: &Call<'_>) -> InvitationId {
        let (millis, random) = self.0.id_parts(&call.author);
        InvitationId::new(millis, random)
    }
}

fn to_proto(record: MemberRecord) -> Member {
    Member {
        name: name::principal(record.agency, PrincipalId::Member(record.id)),
        email: record.email,
        display_name: record.display_name,
        role: record.role.number(),
        grants: grant::to_proto(record.agency, &record.grants),
        has_password: record.has_password,
        etag: check::etag(record.revision),
        create_time: Some(to_time(record.created_at)),
        update_time: Some(to_time(record.updated_at)),
    }
}

fn invitation_to_proto(record: InvitationRecord) -> Invitation {
    let kind = match record.kind {
        InvitationKind::Membership => invitation::Kind::Membership,
        InvitationKind::PasswordReset => invitation::Kind::PasswordReset,
    };
    Invitation {
        name: name::invitation(record.agency, record.id),
        kind: kind.into(),
        email: record.email,
        display_name: record.display_name,
        role: record.role.number(),
        grants: grant::to_proto(record.agency, &record.grants),
        invited_by: record.invited_by,
        create_time: Some(to_time(record.created_at)),
        expire_time: Some(to_time(record.expires_at)),
    }
}
