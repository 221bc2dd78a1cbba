//! What every call of the contract answers to somebody who may not make it, and about what is somebody else's.

use tonic::Code;
use tributary_proto::admin::v1::{AgencyRole, LeastRole, TenantRole};

use crate::support::{
    World, agency_of,
    contract::{ask, calls, ids},
    grant, reason,
};

/// Calls that are answered whatever is in their request: they are about what belongs to no agency.
const OF_NOBODY: [&str; 10] = [
    "DescribeMappingLanguage",
    "GetCaller",
    "GetJwks",
    "ListAgencies",
    "ListEventDefinitions",
    "ListPlatforms",
    "ListProviders",
    "ListTraitDefinitions",
    "RotateSigningKey",
    // Refused with what is missing; it makes what belongs to nobody yet.
    "CreateAgency",
];

/// Calls that would be in the way of those after them, and the tail, which says nothing as long as nothing happens.
const WITH_EFFECT: [&str; 3] = ["DeleteTenant", "SuspendTenant", "Tail"];

#[tokio::test]
async fn nobody_calls_without_the_right_token() {
    let world = World::start().await;
    let wrong = format!("Bearer tra_{}", "x".repeat(43));
    for call in calls().iter().filter(|call| call.least != LeastRole::Nobody) {
        for (token, told) in [(None, "TOKEN_MISSING"), (Some(wrong.as_str()), "TOKEN_INVALID")] {
            let refused = ask(&world, token, call, Vec::new()).await.unwrap_err();
            assert_eq!(
                (refused.code(), reason(&refused).as_str()),
                (Code::Unauthenticated, told),
                "{call:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_request_without_anything_in_it_is_answered_or_told_what_is_missing() {
    let world = World::start().await;
    for call in calls() {
        match ask(&world, Some(&world.bearer()), &call, Vec::new()).await {
            Ok(()) => assert!(OF_NOBODY.contains(&call.name.as_str()), "{call:?}"),
            Err(refused) => assert_eq!(refused.code(), Code::InvalidArgument, "{call:?}: {refused:?}"),
        }
    }
}

#[tokio::test]
async fn what_is_named_below_another_agency_is_not_found() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let other = world.tenant("other").await;
    let mut ids = ids(&world, &tenant.name).await;
    // The other's, which is there; all the rest is of the first.
    ids.insert("{agency}", other.name.split('/').nth(1).unwrap().to_owned());
    for call in calls() {
        let Some(name) = call.name_of(&ids) else {
            let is_open = call.least == LeastRole::Nobody || call.name == "ChangePassword";
            assert!(is_open || OF_NOBODY.contains(&call.name.as_str()), "{call:?}: it names nothing");
            continue;
        };
        let answer = ask(&world, Some(&world.bearer()), &call, call.about(&name)).await;
        if name.split('/').count() > 2 {
            assert_eq!(answer.expect_err(&call.name).code(), Code::NotFound, "{call:?}");
        }
    }
}

/// What a call about `name` is answered with when its caller may not: whoever reaches more than the calls of `reached`
/// is told that their role forbids it.
async fn is_refused(
    world: &World,
    token: &str,
    name: &str,
    call: &crate::support::contract::Call,
    code: Code,
) {
    let refused = ask(world, Some(token), call, call.about(name)).await.expect_err(&call.name);
    assert_eq!(refused.code(), code, "{call:?}: {refused:?}");
    // What is named below it is not there either: it is not to come so far.
    let told = reason(&refused);
    match code {
        Code::PermissionDenied => assert_eq!(told, "ROLE_FORBIDS", "{call:?}"),
        _ => assert!(["TENANT_NOT_FOUND", "AGENCY_NOT_FOUND"].contains(&told.as_str()), "{call:?}: {told}"),
    }
}

#[tokio::test]
async fn each_role_makes_the_calls_of_its_own_and_lower_roles_only() {
    use LeastRole::{AgencyAdmin, AgencyMember, Operator, TenantAdmin, TenantEditor, TenantViewer};
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let ids = ids(&world, &tenant.name).await;
    let agency = agency_of(&tenant.name);
    let member = AgencyRole::Member;
    let granted = |role| vec![grant(&tenant.name, role)];
    let viewer = world.join(&agency, "v@example.com", member, granted(TenantRole::Viewer)).await;
    let editor = world.join(&agency, "e@example.com", member, granted(TenantRole::Editor)).await;
    let admin = world.join(&agency, "a@example.com", member, granted(TenantRole::Admin)).await;
    let (_, _, key) = world.api_key(&agency, AgencyRole::Admin, Vec::new()).await;
    let key = format!("Bearer {key}");
    let owner = world.join(&agency, "o@example.com", AgencyRole::Owner, Vec::new()).await;
    let mut may = vec![LeastRole::Nobody, LeastRole::Caller, AgencyMember, TenantViewer];
    for (token, next) in [
        (viewer.bearer(), Some(TenantEditor)),
        (editor.bearer(), Some(TenantAdmin)),
        (admin.bearer(), Some(AgencyAdmin)),
        (key, None),
        (owner.bearer(), None),
    ] {
        for call in calls() {
            let Some(name) = call.name_of(&ids) else { continue };
            if !may.contains(&call.least) {
                is_refused(&world, &token, &name, &call, Code::PermissionDenied).await;
            } else if !WITH_EFFECT.contains(&call.name.as_str()) {
                let answer = ask(&world, Some(&token), &call, call.about(&name)).await;
                let told = answer.err().map_or_else(String::new, |refused| reason(&refused));
                let forbidding = ["ROLE_FORBIDS", "TENANT_NOT_FOUND", "AGENCY_NOT_FOUND"];
                assert!(!forbidding.contains(&told.as_str()), "{call:?}: {told}");
            }
        }
        may.extend(next);
        if next.is_none() {
            may.push(AgencyAdmin);
        }
    }
    for call in calls().iter().filter(|call| call.least == Operator) {
        is_refused(&world, &owner.bearer(), "", call, Code::PermissionDenied).await;
    }
}

#[tokio::test]
async fn what_a_caller_may_not_see_is_not_found() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let other = world.tenant("other").await;
    let ids = ids(&world, &tenant.name).await;
    let (agency, others) = (agency_of(&tenant.name), agency_of(&other.name));
    let stranger = world.join(&others, "o@example.com", AgencyRole::Owner, Vec::new()).await;
    let (_, _, key) = world.api_key(&others, AgencyRole::Admin, Vec::new()).await;
    let ungranted = world.join(&agency, "u@example.com", AgencyRole::Member, Vec::new()).await;
    for call in calls() {
        let Some(name) = call.name_of(&ids) else { continue };
        if call.least == LeastRole::Operator {
            continue;
        }
        is_refused(&world, &stranger.bearer(), &name, &call, Code::NotFound).await;
        is_refused(&world, &format!("Bearer {key}"), &name, &call, Code::NotFound).await;
        if call.is_of_a_tenant() {
            is_refused(&world, &ungranted.bearer(), &name, &call, Code::NotFound).await;
        }
    }
}
