//! Who works for an agency.

use tonic::Code;
use tributary_proto::admin::v1::{
    AcceptInvitationRequest, AgencyRole, CreateInvitationRequest, DeleteMemberRequest, DeleteTenantRequest,
    Grant, Invitation, ListInvitationsRequest, ListMembersRequest, Member, ResendInvitationRequest,
    ResetMemberPasswordRequest, RevokeInvitationRequest, TenantRole, UpdateMemberRequest,
    member_service_client::MemberServiceClient,
};

use crate::support::{PASSWORD, World, agency_of, fields, grant, mask, reason};

fn accept(token: &str) -> AcceptInvitationRequest {
    AcceptInvitationRequest {
        token: token.to_owned(),
        password: PASSWORD.to_owned(),
        display_name: String::new(),
    }
}

fn with_role(member: &Member, role: AgencyRole) -> UpdateMemberRequest {
    let member = Member { role: role.into(), ..member.clone() };
    UpdateMemberRequest { member: Some(member), update_mask: mask(&["role"]) }
}

async fn members(world: &World, agency: &str) -> Vec<Member> {
    let request = ListMembersRequest { parent: agency.to_owned(), ..ListMembersRequest::default() };
    world.members().list_members(request).await.unwrap().into_inner().members
}

#[tokio::test]
async fn an_invitation_makes_a_member_once() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let agency = agency_of(&tenant.name);
    let granted = vec![grant(&tenant.name, TenantRole::Editor)];
    let (invitation, first) =
        world.invite(&agency, " M@Example.com", AgencyRole::Member, granted.clone()).await;
    assert_eq!(
        (invitation.email.as_str(), invitation.display_name.as_str()),
        ("m@example.com", "m@example.com")
    );
    let request = ResendInvitationRequest { name: invitation.name.clone() };
    let second = world.members().resend_invitation(request).await.unwrap().into_inner().token;
    let refused = world.auth().accept_invitation(accept(&first)).await.unwrap_err();
    assert_eq!(reason(&refused), "INVITATION_NOT_FOUND", "the token before is of no use");
    let name = world.auth().accept_invitation(accept(&second)).await.unwrap().into_inner().member;
    let found = members(&world, &agency).await;
    assert_eq!((found.len(), &found[0].name, &found[0].grants), (1, &name, &granted));
    assert_eq!(
        reason(&world.auth().accept_invitation(accept(&second)).await.unwrap_err()),
        "INVITATION_NOT_FOUND"
    );
    let request = ListInvitationsRequest { parent: agency.clone(), ..ListInvitationsRequest::default() };
    assert!(world.members().list_invitations(request).await.unwrap().into_inner().invitations.is_empty());
    let again = Invitation { email: "m@example.com".to_owned(), role: 1, ..Invitation::default() };
    let request = CreateInvitationRequest { parent: agency, invitation: Some(again), ..Default::default() };
    let refused = world.members().create_invitation(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::AlreadyExists);
}

#[tokio::test]
async fn an_invitation_that_was_taken_back_or_is_old_makes_nobody() {
    let world = World::start().await;
    let agency = agency_of(&world.tenant("acme").await.name);
    let (revoked, token) = world.invite(&agency, "r@example.com", AgencyRole::Member, Vec::new()).await;
    let request = RevokeInvitationRequest { name: revoked.name };
    world.members().revoke_invitation(request).await.unwrap();
    let (_, old) = world.invite(&agency, "o@example.com", AgencyRole::Member, Vec::new()).await;
    world.pass(7 * 24 * 60 * 60);
    for token in [token, old, "tri_nothing".to_owned()] {
        let refused = world.auth().accept_invitation(accept(&token)).await.unwrap_err();
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::NotFound, "INVITATION_NOT_FOUND"));
    }
    assert!(members(&world, &agency).await.is_empty());
}

#[tokio::test]
async fn everything_wrong_with_an_invitation_is_said_at_once() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let other = world.tenant("other").await;
    let grants = vec![
        grant(&tenant.name, TenantRole::Editor),
        grant(&tenant.name, TenantRole::Viewer),
        grant(&other.name, TenantRole::Viewer),
        Grant { tenant: tenant.name.clone(), role: 9 },
        grant("tenants/x", TenantRole::Viewer),
    ];
    let invitation =
        Invitation { email: "m at example".to_owned(), role: 0, grants, ..Invitation::default() };
    let parent = agency_of(&tenant.name);
    let request = CreateInvitationRequest {
        parent: parent.clone(),
        invitation: Some(invitation),
        ..Default::default()
    };
    let refused = world.members().create_invitation(request).await.unwrap_err();
    assert_eq!(
        fields(&refused),
        [
            "invitation.email",
            "invitation.role",
            "invitation.grants[1].tenant",
            "invitation.grants[2].tenant",
            "invitation.grants[3].role",
            "invitation.grants[4].tenant",
        ]
    );
    // A name that leaves the agency open does not bring another agency's tenant in.
    let hidden = other.name.replace(&agency_of(&other.name), "agencies/-");
    let grants = vec![grant(&hidden, TenantRole::Viewer)];
    let invitation =
        Invitation { email: "m@example.com".to_owned(), role: 1, grants, ..Invitation::default() };
    let request = CreateInvitationRequest { parent, invitation: Some(invitation), ..Default::default() };
    let refused = world.members().create_invitation(request).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::NotFound, "TENANT_NOT_FOUND"));
}

#[tokio::test]
async fn owners_are_the_owners_business_and_the_last_one_stays() {
    let world = World::start().await;
    let agency = agency_of(&world.tenant("acme").await.name);
    let owner = world.join(&agency, "o@example.com", AgencyRole::Owner, Vec::new()).await;
    let admin = world.join(&agency, "a@example.com", AgencyRole::Admin, Vec::new()).await;
    let found = members(&world, &agency).await;
    let mut by_admin = MemberServiceClient::new(world.wire_of(admin.token()));
    let mut by_owner = MemberServiceClient::new(world.wire_of(owner.token()));
    let is_owners = |status: tonic::Status| {
        assert_eq!((status.code(), reason(&status).as_str()), (Code::PermissionDenied, "OWNERS_ONLY"));
    };
    is_owners(by_admin.update_member(with_role(&found[1], AgencyRole::Owner)).await.unwrap_err());
    is_owners(by_admin.update_member(with_role(&found[0], AgencyRole::Member)).await.unwrap_err());
    let gone = DeleteMemberRequest { name: owner.name.clone(), etag: String::new() };
    is_owners(by_admin.delete_member(gone.clone()).await.unwrap_err());
    let reset = ResetMemberPasswordRequest { name: owner.name.clone() };
    is_owners(by_admin.reset_member_password(reset).await.unwrap_err());
    let invitation = Invitation { email: "x@example.com".to_owned(), role: 3, ..Invitation::default() };
    let request = CreateInvitationRequest {
        parent: agency.clone(),
        invitation: Some(invitation),
        ..Default::default()
    };
    is_owners(by_admin.create_invitation(request).await.unwrap_err());
    for refused in [
        by_owner.update_member(with_role(&found[0], AgencyRole::Admin)).await.unwrap_err(),
        world.members().delete_member(gone.clone()).await.unwrap_err(),
    ] {
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "LAST_OWNER"));
    }
    let second = by_owner.update_member(with_role(&found[1], AgencyRole::Owner)).await.unwrap().into_inner();
    by_admin.delete_member(gone).await.unwrap();
    let stale = by_admin.update_member(with_role(&found[1], AgencyRole::Owner)).await.unwrap_err();
    assert_eq!(stale.code(), Code::Aborted);
    assert_eq!(members(&world, &agency).await, [second]);
}

#[tokio::test]
async fn a_reset_that_was_opened_before_a_promotion_is_of_no_use() {
    let world = World::start().await;
    let agency = agency_of(&world.tenant("acme").await.name);
    world.join(&agency, "o@example.com", AgencyRole::Owner, Vec::new()).await;
    let admin = world.join(&agency, "a@example.com", AgencyRole::Admin, Vec::new()).await;
    world.join(&agency, "m@example.com", AgencyRole::Member, Vec::new()).await;
    let found = members(&world, &agency).await;
    let mut by_admin = MemberServiceClient::new(world.wire_of(admin.token()));
    let reset = ResetMemberPasswordRequest { name: found[2].name.clone() };
    let kept = by_admin.reset_member_password(reset).await.unwrap().into_inner();
    let promoted = with_role(&found[2], AgencyRole::Owner);
    world.members().update_member(promoted).await.unwrap();
    let refused = world.auth().accept_invitation(accept(&kept.token)).await.unwrap_err();
    assert_eq!(reason(&refused), "INVITATION_NOT_FOUND");
    let request = ResendInvitationRequest { name: kept.invitation.unwrap().name };
    assert_eq!(by_admin.resend_invitation(request).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn an_invitation_is_worth_as_much_as_whoever_invited() {
    let world = World::start().await;
    let agency = agency_of(&world.tenant("acme").await.name);
    world.join(&agency, "o@example.com", AgencyRole::Owner, Vec::new()).await;
    let admin = world.join(&agency, "a@example.com", AgencyRole::Admin, Vec::new()).await;
    let mut by_admin = MemberServiceClient::new(world.wire_of(admin.token()));
    let invite = |email: &str| CreateInvitationRequest {
        parent: agency.clone(),
        invitation: Some(Invitation { email: email.to_owned(), role: 2, ..Invitation::default() }),
        ..Default::default()
    };
    let first = by_admin.create_invitation(invite("x@example.com")).await.unwrap().into_inner();
    let second = by_admin.create_invitation(invite("y@example.com")).await.unwrap().into_inner();
    world.auth().accept_invitation(accept(&first.token)).await.unwrap();
    let gone = DeleteMemberRequest { name: admin.name.clone(), etag: String::new() };
    world.members().delete_member(gone).await.unwrap();
    let refused = world.auth().accept_invitation(accept(&second.token)).await.unwrap_err();
    assert_eq!(reason(&refused), "INVITATION_NOT_FOUND");
    // Somebody who still may takes it over by sending it again.
    let request = ResendInvitationRequest { name: second.invitation.unwrap().name };
    let sent = world.members().resend_invitation(request).await.unwrap().into_inner();
    world.auth().accept_invitation(accept(&sent.token)).await.unwrap();
}

#[tokio::test]
async fn an_owners_invitation_is_not_replaced_by_an_admin() {
    let world = World::start().await;
    let agency = agency_of(&world.tenant("acme").await.name);
    let admin = world.join(&agency, "a@example.com", AgencyRole::Admin, Vec::new()).await;
    let (_, token) = world.invite(&agency, "o@example.com", AgencyRole::Owner, Vec::new()).await;
    let invitation = Invitation { email: "o@example.com".to_owned(), role: 1, ..Invitation::default() };
    let request = CreateInvitationRequest {
        parent: agency.clone(),
        invitation: Some(invitation),
        ..Default::default()
    };
    let mut by_admin = MemberServiceClient::new(world.wire_of(admin.token()));
    assert_eq!(reason(&by_admin.create_invitation(request).await.unwrap_err()), "OWNERS_ONLY");
    world.auth().accept_invitation(accept(&token)).await.unwrap();
}

#[tokio::test]
async fn what_was_granted_can_be_changed_while_one_of_the_tenants_is_deleted() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let agency = agency_of(&tenant.name);
    let grants = vec![grant(&tenant.name, TenantRole::Editor)];
    world.join(&agency, "m@example.com", AgencyRole::Member, grants).await;
    let request = DeleteTenantRequest { name: tenant.name.clone(), etag: String::new() };
    world.tenants().delete_tenant(request).await.unwrap();
    let mut member = members(&world, &agency).await.remove(0);
    member.grants[0].role = TenantRole::Viewer.into();
    let request = UpdateMemberRequest { member: Some(member), update_mask: mask(&["grants"]) };
    let changed = world.members().update_member(request).await.unwrap().into_inner();
    assert_eq!(changed.grants, [grant(&tenant.name, TenantRole::Viewer)]);
}
