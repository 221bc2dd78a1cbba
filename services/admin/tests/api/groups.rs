//! Groups, and who belongs to them.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tonic::Code;
use tributary_proto::admin::v1::{
    GetGroupRequest, ListGroupMembersRequest, ListGroupsRequest, ListProfilesRequest, ProfileGroup, Tenant,
};

use crate::{
    logs::booking,
    support::{World, reason},
    workflows,
};

fn of(number: u32, email: &str, account: &str) -> Value {
    let mut body = booking(number, email, &format!("trb_0123456789abcdefghjkmn{number:04}"));
    body["payload"]["account"] = json!(account);
    body["payload"]["company"] = json!(format!("{account} Ltd"));
    body
}

async fn groups(world: &World, parent: &str, filter: &str, page_size: i32) -> Vec<ProfileGroup> {
    let (mut all, mut page_token) = (Vec::new(), String::new());
    loop {
        let (parent, filter) = (parent.to_owned(), filter.to_owned());
        let request = ListGroupsRequest { parent, page_size, page_token, filter };
        let page = world.groups().list_groups(request).await.unwrap().into_inner();
        assert!(page.groups.len() <= page_size as usize);
        all.extend(page.groups);
        if page.next_page_token.is_empty() {
            return all;
        }
        page_token = page.next_page_token;
    }
}

async fn members(world: &World, group: &str) -> Vec<String> {
    let (mut all, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListGroupMembersRequest { parent: group.to_owned(), page_size: 1, page_token };
        let page = world.groups().list_group_members(request).await.unwrap().into_inner();
        all.extend(page.members.into_iter().map(|member| member.profile));
        if page.next_page_token.is_empty() {
            return all;
        }
        page_token = page.next_page_token;
    }
}

async fn people(world: &World, tenant: &Tenant) -> BTreeSet<String> {
    let request = ListProfilesRequest { parent: tenant.name.clone(), ..Default::default() };
    let found = world.profiles().list_profiles(request).await.unwrap().into_inner().profiles;
    found.into_iter().map(|profile| profile.name).collect()
}

#[tokio::test]
async fn groups_have_their_traits_and_members_in_pages() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let source = world.source(&tenant, "calendly").await.source.unwrap();
    let more = [
        ("group_identities", "account_id", "$.payload.account"),
        ("group_traits", "company", "$.payload.company"),
    ];
    workflows::mapping_too(&world, &source, &more).await;
    for (number, email, account) in [
        (1, "ann@example.com", "acme"),
        (2, "bob@example.com", "acme"),
        (3, "ann@example.com", "other"),
        (4, "cid@example.com", "third"),
    ] {
        world.commit(&source, u64::from(number), &of(number, email, account)).await;
    }
    let all = groups(&world, &tenant.name, "", 2).await;
    let values: Vec<_> = all.iter().map(|group| group.value.as_str()).collect();
    assert_eq!(values, ["third", "other", "acme"], "the newest first");
    let acme = &all[2];
    assert_eq!(acme.r#type, "account_id");
    let company = acme.traits["company"].value.clone().unwrap();
    assert_eq!(company.kind, Some(prost_types::value::Kind::StringValue("acme Ltd".to_owned())));
    let request = GetGroupRequest { name: acme.name.clone() };
    assert_eq!(&world.groups().get_group(request).await.unwrap().into_inner(), acme);
    let found = groups(&world, &tenant.name, "type = account_id AND value = acme", 9).await;
    assert_eq!(found, std::slice::from_ref(acme));
    assert!(groups(&world, &tenant.name, "type = team_id", 9).await.is_empty());

    let of_acme = members(&world, &acme.name).await;
    assert_eq!(of_acme.len(), 2);
    let of_other = members(&world, &all[1].name).await;
    assert!(of_other.len() == 1 && of_acme.contains(&of_other[0]), "Ann belongs to both");
    let hers = groups(&world, &of_other[0], "", 1).await;
    assert_eq!(hers.len(), 2);

    // Ann and Bob turn out to be one.
    let mut both = of(1, "ann@example.com", "acme");
    both["payload"]["uri"] = json!("https://api.calendly.com/scheduled_events/E9/invitees/I9");
    both["payload"]["event"] = json!("https://api.calendly.com/scheduled_events/E9");
    both["payload"]["text_reminder_number"] = json!("+1 404 555 0142");
    world.commit(&source, 9, &both).await;
    let mut bob = of(2, "bob@example.com", "acme");
    bob["payload"]["uri"] = json!("https://api.calendly.com/scheduled_events/E10/invitees/I10");
    bob["payload"]["event"] = json!("https://api.calendly.com/scheduled_events/E10");
    bob["payload"]["text_reminder_number"] = json!("+1 404 555 0142");
    world.commit(&source, 10, &bob).await;
    let people = people(&world, &tenant).await;
    assert_eq!(people.len(), 2, "two became one");
    let of_acme = members(&world, &acme.name).await;
    assert!(of_acme.len() == 1 && people.contains(&of_acme[0]), "{of_acme:?} of {people:?}");
    let hers = groups(&world, &of_acme[0], "", 9).await;
    assert_eq!(hers.len(), 2, "of all that became part of her");
}

#[tokio::test]
async fn what_is_not_there_is_told() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let name = format!("{}/groups/grp_00000000000000000000000001", tenant.name);
    let refused = world.groups().get_group(GetGroupRequest { name: name.clone() }).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::NotFound, "GROUP_NOT_FOUND"));
    let request = ListGroupMembersRequest { parent: name, ..Default::default() };
    let refused = world.groups().list_group_members(request).await.unwrap_err();
    assert_eq!(reason(&refused), "GROUP_NOT_FOUND");
    let parent = format!("{}/profiles/prf_00000000000000000000000001", tenant.name);
    let request = ListGroupsRequest { parent, ..Default::default() };
    let refused = world.groups().list_groups(request).await.unwrap_err();
    assert_eq!(reason(&refused), "PROFILE_NOT_FOUND");
    let request = ListGroupsRequest {
        parent: tenant.name.clone(),
        filter: "members > 3".to_owned(),
        ..Default::default()
    };
    assert_eq!(world.groups().list_groups(request).await.unwrap_err().code(), Code::InvalidArgument);
}
