//! Events and profiles.

use tonic::Code;
use tributary_proto::admin::v1::{
    GetEventRequest, GetProfileRequest, ListConflictsRequest, ListEventsRequest, ListProfilesRequest,
    LookupProfileRequest,
};

use crate::{
    logs::booking,
    support::{World, fields},
    workflows,
};

const ONE: &str = "trb_0123456789abcdefghjkmnpqrs";
const TWO: &str = "trb_0123456789abcdefghjkmnpqrt";

#[tokio::test]
async fn a_person_is_found_by_an_identifier_with_their_events() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let source = world.source(&tenant, "calendly").await.source.unwrap();
    workflows::publish(&world, &workflows::create(&world, &source, "booking").await).await;
    world.commit(&source, 1, &booking(1, "ann@example.com", ONE)).await;
    world.commit(&source, 2, &booking(2, "ann@example.com", ONE)).await;

    let look = |kind: &str, value: &str| LookupProfileRequest {
        parent: tenant.name.clone(),
        identifier_type: kind.to_owned(),
        identifier_value: value.to_owned(),
    };
    let profile =
        world.profiles().lookup_profile(look("email", " ANN@Example.com ")).await.unwrap().into_inner();
    let by_cluid = world.profiles().lookup_profile(look("cluid", ONE)).await.unwrap().into_inner();
    assert_eq!(profile, by_cluid);
    assert_eq!(profile.identifier_counts["email"], 1);
    let found = world.profiles().get_profile(GetProfileRequest { name: profile.name.clone() }).await.unwrap();
    assert_eq!(found.into_inner(), profile);
    world.commit(&source, 3, &booking(3, "bob@example.com", TWO)).await;
    let list =
        |page_token: String| ListProfilesRequest { parent: tenant.name.clone(), page_size: 1, page_token };
    let newest = world.profiles().list_profiles(list(String::new())).await.unwrap().into_inner();
    assert_eq!(newest.profiles[0].identifiers[1].value, "bob@example.com");
    let rest = world.profiles().list_profiles(list(newest.next_page_token)).await.unwrap().into_inner();
    assert_eq!((rest.profiles, rest.next_page_token.as_str()), (vec![profile.clone()], ""));

    let list =
        |parent: &str| ListEventsRequest { parent: parent.to_owned(), page_size: 1, ..Default::default() };
    let first = world.events().list_events(list(&profile.name)).await.unwrap().into_inner();
    let request = ListEventsRequest { page_token: first.next_page_token.clone(), ..list(&profile.name) };
    let second = world.events().list_events(request).await.unwrap().into_inner();
    assert!(!first.next_page_token.is_empty() && second.next_page_token.is_empty());
    assert_ne!(first.events[0].name, second.events[0].name);
    let event =
        world.events().get_event(GetEventRequest { name: first.events[0].name.clone() }).await.unwrap();
    assert_eq!(event.into_inner(), first.events[0]);
    let all = ListEventsRequest { page_size: 0, ..list(&tenant.name) };
    assert_eq!(world.events().list_events(all).await.unwrap().into_inner().events.len(), 3);

    let unknown = world.profiles().lookup_profile(look("email", "nobody@example.com")).await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
    let refused = world.profiles().lookup_profile(look("email", "null")).await.unwrap_err();
    assert_eq!(fields(&refused), ["identifier_value"]);
    let refused = world.profiles().lookup_profile(look("shoe_size", "44")).await.unwrap_err();
    assert_eq!(fields(&refused), ["identifier_type"]);
}

#[tokio::test]
async fn a_refused_join_is_a_conflict_that_says_why() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let source = world.source(&tenant, "calendly").await.source.unwrap();
    workflows::publish(&world, &workflows::create(&world, &source, "booking").await).await;
    world.commit(&source, 1, &booking(1, "ann@example.com", ONE)).await;
    world.commit(&source, 2, &booking(2, "bob@example.com", ONE)).await;
    let list = ListConflictsRequest { parent: tenant.name, ..Default::default() };
    let conflicts = world.profiles().list_conflicts(list).await.unwrap().into_inner().conflicts;
    assert_eq!(conflicts.len(), 1);
    assert_eq!(
        (conflicts[0].rule.as_str(), conflicts[0].identifier_type.as_str()),
        ("weak_evidence", "cluid")
    );
    assert_ne!(conflicts[0].profile, conflicts[0].other_profile);
    assert!(conflicts[0].text.contains("browser"), "{}", conflicts[0].text);
}
