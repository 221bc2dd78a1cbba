//! The suppression list, and erasures as far as the API begins them.

use std::collections::BTreeSet;

use tonic::Code;
use tributary_proto::admin::v1::{
    AddSuppressionsRequest, CancelOperationRequest, EraseProfileRequest, ExportProfileRequest,
    GetErasureRequest, ListDeliveriesRequest, ListEventsRequest, ListRunsRequest, ListSuppressionsRequest,
    LookupProfileRequest, RemoveSuppressionsRequest, SuppressedIdentifier, Suppression, Tenant,
    export_profile_response::Part, operation, run_status, withheld_destination::Reason,
};

use crate::{
    destinations,
    logs::booking,
    support::{World, fields, reason},
    workflows,
};

const ONE: &str = "trb_0123456789abcdefghjkmnpqrs";
const TWO: &str = "trb_0123456789abcdefghjkmnpqrt";

fn email(value: &str) -> SuppressedIdentifier {
    SuppressedIdentifier { r#type: "email".to_owned(), value: value.to_owned() }
}

async fn list(world: &World, tenant: &Tenant) -> Vec<Suppression> {
    let request = ListSuppressionsRequest { parent: tenant.name.clone(), ..Default::default() };
    world.privacy().list_suppressions(request).await.unwrap().into_inner().suppressions
}

async fn add(
    world: &World,
    tenant: &Tenant,
    identifiers: Vec<SuppressedIdentifier>,
    destinations: Vec<String>,
) -> Result<Vec<Suppression>, tonic::Status> {
    let (parent, label) = (tenant.name.clone(), "asked by letter".to_owned());
    let request = AddSuppressionsRequest { parent, identifiers, label, destinations };
    world.privacy().add_suppressions(request).await.map(|answer| answer.into_inner().suppressions)
}

#[tokio::test]
async fn who_is_on_the_list_is_not_processed_until_they_are_taken_off() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let source = world.source(&tenant, "calendly").await.source.unwrap();
    let workflow = workflows::create(&world, &source, "booking").await;
    workflows::publish(&world, &workflow).await;
    let added = add(&world, &tenant, vec![email(" ANN@Example.com ")], Vec::new()).await.unwrap();
    assert_eq!((added[0].identifier_type.as_str(), added[0].label.as_str()), ("email", "asked by letter"));
    assert!(!format!("{added:?}").to_lowercase().contains("ann"), "the list does not tell who is on it");
    let again = add(&world, &tenant, vec![email("ann@example.com")], Vec::new()).await.unwrap();
    assert_eq!(again, added, "however it is written");
    assert_eq!(list(&world, &tenant).await, added);

    world.commit(&source, 1, &booking(1, "ann@example.com", ONE)).await;
    world.commit(&source, 2, &booking(2, "bob@example.com", TWO)).await;
    let statuses = async || {
        let request = ListRunsRequest { parent: workflow.name.clone(), ..Default::default() };
        let runs = world.logs().list_runs(request).await.unwrap().into_inner().runs;
        runs.into_iter().map(|run| run.status.unwrap()).collect::<Vec<_>>()
    };
    let found = statuses().await;
    assert_eq!(found[0].code(), run_status::Code::Succeeded);
    assert_eq!(found[1].code(), run_status::Code::Suppressed);
    let why = found[1].reason.clone().unwrap();
    assert!(why.message.contains("suppression list") && why.fix.contains("take it off"), "{why:?}");

    let remove = |suppressions, identifiers| RemoveSuppressionsRequest {
        parent: tenant.name.clone(),
        suppressions,
        identifiers,
    };
    let removed = async |request| {
        world.privacy().remove_suppressions(request).await.unwrap().into_inner().removed_count
    };
    assert_eq!(removed(remove(Vec::new(), vec![email("cid@example.com")])).await, 0);
    assert_eq!(removed(remove(vec![added[0].name.clone()], vec![email("ann@example.com")])).await, 1);
    assert!(list(&world, &tenant).await.is_empty());
    world.commit(&source, 3, &booking(3, "ann@example.com", ONE)).await;
    assert_eq!(statuses().await[0].code(), run_status::Code::Succeeded);
}

#[tokio::test]
async fn who_is_kept_from_a_destination_is_processed_and_not_sent_there() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let source = world.source(&tenant, "calendly").await.source.unwrap();
    workflows::publish(&world, &workflows::create(&world, &source, "booking").await).await;
    let destination = destinations::create(&world, &tenant).await.name;
    add(&world, &tenant, vec![email("ann@example.com")], vec![destination.clone()]).await.unwrap();
    world.commit(&source, 1, &booking(1, "ann@example.com", ONE)).await;
    world.commit(&source, 2, &booking(2, "bob@example.com", TWO)).await;
    let request = ListDeliveriesRequest { parent: tenant.name.clone(), ..Default::default() };
    let made = world.logs().list_deliveries(request).await.unwrap().into_inner().deliveries;
    let request = ListEventsRequest { parent: tenant.name.clone(), ..Default::default() };
    let events = world.events().list_events(request).await.unwrap().into_inner().events;
    assert_eq!((made.len(), &made[0].event), (1, &events[0].name));
    assert!(events[0].withheld_destinations.is_empty());
    let kept = &events[1].withheld_destinations;
    assert_eq!((kept.len(), &kept[0].destination, kept[0].reason()), (1, &destination, Reason::Suppressed));
    assert!(kept[0].text.contains("take it off"), "{kept:?}");
}

#[tokio::test]
async fn what_is_no_identifier_is_refused_with_its_place() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let wrong = vec![
        email("ann@example.com"),
        email("null"),
        SuppressedIdentifier { r#type: "shoe_size".to_owned(), value: "44".to_owned() },
    ];
    let refused = add(&world, &tenant, wrong, Vec::new()).await.unwrap_err();
    assert_eq!(fields(&refused), ["identifiers[1].value", "identifiers[2].type"]);
    let refused = add(&world, &tenant, Vec::new(), Vec::new()).await.unwrap_err();
    assert_eq!(fields(&refused), ["identifiers"]);
    let many = vec![email("ann@example.com"); 1_001];
    let refused = add(&world, &tenant, many, Vec::new()).await.unwrap_err();
    assert_eq!(fields(&refused), ["identifiers"]);
    let elsewhere = vec!["dst_00000000000000000000000001".to_owned()];
    let refused = add(&world, &tenant, vec![email("ann@example.com")], elsewhere).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::NotFound, "DESTINATION_NOT_FOUND"));
    assert!(list(&world, &tenant).await.is_empty(), "nothing was changed");
}

#[tokio::test]
async fn an_erasure_is_an_operation_that_is_begun_once_and_cannot_be_stopped() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let source = world.source(&tenant, "calendly").await.source.unwrap();
    workflows::publish(&world, &workflows::create(&world, &source, "booking").await).await;
    world.commit(&source, 1, &booking(1, "ann@example.com", ONE)).await;
    let look = LookupProfileRequest {
        parent: tenant.name.clone(),
        identifier_type: "email".to_owned(),
        identifier_value: "ann@example.com".to_owned(),
    };
    let person = world.profiles().lookup_profile(look).await.unwrap().into_inner();
    let request = EraseProfileRequest { name: person.name.clone(), request_id: "one".to_owned() };
    let begun = world.privacy().erase_profile(request.clone()).await.unwrap().into_inner();
    let again = world.privacy().erase_profile(request).await.unwrap().into_inner();
    assert_eq!(begun.name, again.name);
    let asked = EraseProfileRequest { name: person.name, request_id: String::new() };
    assert_eq!(begun.request, Some(operation::Request::EraseProfile(asked)));
    let cancel = CancelOperationRequest { name: begun.name.clone(), etag: String::new() };
    let refused = world.operations().cancel_operation(cancel).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "STATE_FORBIDS"));
    let name = begun.name.replace("/operations/", "/erasures/");
    let refused = world.privacy().get_erasure(GetErasureRequest { name }).await.unwrap_err();
    assert_eq!(reason(&refused), "ERASURE_NOT_FOUND", "the ledger has not come to it");
    let nobody = tenant.name + "/profiles/prf_00000000000000000000000001";
    let marked = EraseProfileRequest { name: nobody.clone(), request_id: "two".to_owned() };
    let refused = world.privacy().erase_profile(marked).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound, "also with an id of its own");
    let request = EraseProfileRequest { name: nobody, request_id: String::new() };
    let refused = world.privacy().erase_profile(request).await.unwrap_err();
    assert_eq!(reason(&refused), "PROFILE_NOT_FOUND");
}

#[tokio::test]
async fn an_export_has_every_identifier_however_many_there_are() {
    const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let source = world.source(&tenant, "calendly").await.source.unwrap();
    workflows::publish(&world, &workflows::create(&world, &source, "booking").await).await;
    // One person who comes with another browser each time: more than a profile lists.
    let mut wanted = BTreeSet::from(["ann@example.com".to_owned()]);
    for number in 0..520_u32 {
        let letter = |place: u32| char::from(LETTERS[(number >> (5 * place) & 31) as usize]);
        let cluid = format!("trb_0123456789abcdefghjkmnpq{}{}", letter(1), letter(0));
        world.commit(&source, 1 + u64::from(number), &booking(number, "ann@example.com", &cluid)).await;
        wanted.insert(cluid);
    }
    let look = LookupProfileRequest {
        parent: tenant.name.clone(),
        identifier_type: "email".to_owned(),
        identifier_value: "ann@example.com".to_owned(),
    };
    let name = world.profiles().lookup_profile(look).await.unwrap().into_inner().name;
    let mut parts = world.privacy().export_profile(ExportProfileRequest { name }).await.unwrap().into_inner();
    let (mut found, mut more) = (BTreeSet::new(), 0);
    while let Some(part) = parts.message().await.unwrap() {
        match part.part.unwrap() {
            Part::Profile(profile) => {
                assert_eq!(profile.identifiers.len(), 500);
                found.extend(profile.identifiers.into_iter().map(|owned| owned.value));
            }
            Part::Identifier(identifier) => {
                more += 1;
                assert!(found.insert(identifier.value), "each once");
            }
            Part::Message(_) => break,
            _ => {}
        }
    }
    assert!(more > 20 && found.is_superset(&wanted), "{more} more");
}
