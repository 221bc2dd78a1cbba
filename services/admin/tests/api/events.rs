//! The event manager: events by what they are called and whose they are, their names, and what can be chosen from.

use std::collections::BTreeSet;

use tonic::{Code, Status};
use tributary_domain::time::Timestamp;
use tributary_proto::admin::v1::{
    AgencyRole, ListEventDefinitionsRequest, ListEventNamesRequest, ListEventsRequest,
    ListTraitDefinitionsRequest, LookupProfileRequest, Mapping, Source, Tenant, UpdateWorkflowRequest,
    Workflow, WorkflowSpec, mapping::ValueType, workflow_service_client::WorkflowServiceClient,
    workflow_spec,
};

use crate::{
    logs::booking,
    support::{NOW, World, agency_of, fields, mask},
    workflows,
};

const ANN: &str = "trb_0123456789abcdefghjkmnpqrs";
const BOB: &str = "trb_0123456789abcdefghjkmnpqrt";

/// A tenant with two sources: the first makes `Schedule`, and the second `Demo booked` with a trait of its own.
struct Scene {
    world: World,
    tenant: Tenant,
    sources: [Source; 2],
    workflows: [Workflow; 2],
}

impl Scene {
    async fn new() -> Self {
        let world = World::start().await;
        let tenant = world.tenant("acme").await;
        let first = world.source(&tenant, "first").await.source.unwrap();
        let second = world.source(&tenant, "second").await.source.unwrap();
        let standard = workflows::publish(&world, &workflows::create(&world, &first, "standard").await).await;
        let made = workflows::create(&world, &second, "own").await;
        let draft = own(made.draft.clone().unwrap());
        let change = Workflow { draft: Some(draft), ..made };
        let request = UpdateWorkflowRequest { workflow: Some(change), update_mask: mask(&["draft"]) };
        let changed = world.workflows().update_workflow(request).await.unwrap().into_inner();
        let own = workflows::publish(&world, &changed).await;
        let scene = Self { world, tenant, sources: [first, second], workflows: [standard, own] };
        scene.world.commit(&scene.sources[0], 1, &booking(1, "ann@example.com", ANN)).await;
        scene.world.commit(&scene.sources[0], 2_000, &booking(2, "bob@example.com", BOB)).await;
        scene.world.commit(&scene.sources[1], 4_000, &booking(3, "ann@example.com", ANN)).await;
        scene
    }

    /// The messages of the events of a page, by the number of their booking.
    async fn events(&self, parent: &str, filter: &str) -> Result<Vec<String>, Status> {
        let request = ListEventsRequest {
            parent: parent.to_owned(),
            filter: filter.to_owned(),
            ..ListEventsRequest::default()
        };
        let found = self.world.events().list_events(request).await?.into_inner().events;
        let what = |event: &tributary_proto::admin::v1::Event| {
            let email = event.identifiers.iter().find(|identifier| identifier.r#type == "email").unwrap();
            format!("{} {}", event.event_name, email.value.split('@').next().unwrap())
        };
        Ok(found.iter().map(what).collect())
    }

    async fn profile(&self, email: &str) -> String {
        let request = LookupProfileRequest {
            parent: self.tenant.name.clone(),
            identifier_type: "email".to_owned(),
            identifier_value: email.to_owned(),
        };
        self.world.profiles().lookup_profile(request).await.unwrap().into_inner().name
    }
}

/// The draft with another name for the event, and one more trait.
fn own(draft: WorkflowSpec) -> WorkflowSpec {
    use tributary_proto::admin::v1::{Input, input};
    let constant = |id: &str, target: &str, text: &str| {
        let value = prost_types::Value { kind: Some(prost_types::value::Kind::StringValue(text.to_owned())) };
        Mapping {
            id: id.to_owned(),
            target: target.to_owned(),
            inputs: vec![Input { from: Some(input::From::Constant(value)) }],
            ..Mapping::default()
        }
    };
    let mut draft = draft;
    draft.event_name = Some(constant("name", "event_name", "Demo booked"));
    draft.user_traits.push(constant("shoe", "shoe_size", "42"));
    draft
}

fn id(name: &str) -> &str {
    name.rsplit('/').next().unwrap()
}

#[tokio::test]
async fn events_are_found_by_name_kind_person_source_and_workflow() {
    let scene = Box::pin(Scene::new()).await;
    let tenant = scene.tenant.name.as_str();
    let ann = scene.profile("ann@example.com").await;
    let late = Timestamp::from_micros(NOW.micros() + 1_000_000);
    let all = ["Demo booked ann", "Schedule bob", "Schedule ann"];
    for (filter, expected) in [
        (String::new(), &all[..]),
        ("event_name = Schedule".to_owned(), &all[1..]),
        ("event_name = 'Demo booked'".to_owned(), &all[..1]),
        ("event_name = Purchase".to_owned(), &[]),
        ("kind = TRACK".to_owned(), &all),
        ("kind = IDENTIFY".to_owned(), &[]),
        (format!("source = {}", id(&scene.sources[1].name)), &all[..1]),
        (format!("workflow = {}", id(&scene.workflows[0].name)), &all[1..]),
        (format!("profile = {}", id(&ann)), &["Demo booked ann", "Schedule ann"]),
        (format!("profile = {} AND event_name = Schedule", id(&ann)), &all[2..]),
        ("profile = prf_00000000000000000000000001".to_owned(), &[]),
        (format!("profile = {} AND identifier = email:bob@example.com", id(&ann)), &[]),
        ("identifier = email:bob@example.com".to_owned(), &all[1..2]),
        (format!("time > {late}"), &all[..2]),
        (format!("time > {late} AND event_name = Schedule AND cluid = {BOB}"), &all[1..2]),
        (format!("time >= {NOW} AND body : 'ANN@'"), &["Demo booked ann", "Schedule ann"]),
    ] {
        assert_eq!(scene.events(tenant, &filter).await.unwrap(), expected, "{filter}");
    }
    assert_eq!(scene.events(&ann, "").await.unwrap(), ["Demo booked ann", "Schedule ann"]);
    assert_eq!(scene.events(&ann, "event_name = 'Demo booked'").await.unwrap(), &all[..1]);
    assert!(scene.events(&ann, "identifier = email:bob@example.com").await.unwrap().is_empty());
    for filter in ["kind = track", "source = wfl_1", "profile = ann", "event_name : x", "status = SUCCEEDED"]
    {
        let refused = scene.events(tenant, filter).await.unwrap_err();
        assert_eq!((refused.code(), fields(&refused)), (Code::InvalidArgument, vec!["filter".to_owned()]));
    }
}

#[tokio::test]
async fn pages_of_events_are_complete_and_belong_to_their_filter() {
    let scene = Box::pin(Scene::new()).await;
    let (mut token, mut seen) = (String::new(), Vec::new());
    let request = |page_token: String, filter: &str| ListEventsRequest {
        parent: scene.tenant.name.clone(),
        page_size: 1,
        page_token,
        filter: filter.to_owned(),
        ..ListEventsRequest::default()
    };
    loop {
        let answer = scene.world.events().list_events(request(token, "kind = TRACK")).await.unwrap();
        let answer = answer.into_inner();
        seen.extend(answer.events.into_iter().map(|event| event.name));
        if answer.next_page_token.is_empty() {
            break;
        }
        let other = request(answer.next_page_token.clone(), "event_name = Schedule");
        let refused = scene.world.events().list_events(other).await.unwrap_err();
        assert_eq!(fields(&refused), ["page_token"]);
        token = answer.next_page_token;
    }
    assert_eq!((seen.len(), seen.iter().collect::<BTreeSet<_>>().len()), (3, 3));
    assert!(seen.is_sorted_by(|one, next| one > next), "newest first");
}

#[tokio::test]
async fn names_are_counted_by_tenant_and_by_source() {
    let scene = Box::pin(Scene::new()).await;
    let names = async |parent: &str, page_token: String| {
        let request = ListEventNamesRequest { parent: parent.to_owned(), page_size: 1, page_token };
        scene.world.events().list_event_names(request).await.unwrap().into_inner()
    };
    let first = names(&scene.tenant.name, String::new()).await;
    let second = names(&scene.tenant.name, first.next_page_token.clone()).await;
    assert_eq!(second.next_page_token, "");
    let track = i32::from(workflow_spec::Kind::Track);
    let counted = [&first.event_names[0], &second.event_names[0]];
    let counted = counted.map(|name| (name.event_name.as_str(), name.kind, name.event_count));
    assert_eq!(counted, [("Demo booked", track, 1), ("Schedule", track, 2)]);
    assert_eq!(first.event_names[0].first_time.unwrap().seconds, NOW.seconds());
    let of_source = names(&scene.sources[0].name, String::new()).await;
    assert_eq!(
        (of_source.event_names[0].event_name.as_str(), of_source.event_names[0].event_count),
        ("Schedule", 2)
    );
    assert_eq!(of_source.next_page_token, "");
}

#[tokio::test]
async fn a_tenants_own_names_follow_the_standard_ones_for_who_may_read_it() {
    let scene = Box::pin(Scene::new()).await;
    let events = async |parent: &str, page_size| {
        let (mut all, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = ListEventDefinitionsRequest { parent: parent.to_owned(), page_size, page_token };
            let answer = scene.world.workflows().list_event_definitions(request).await.unwrap().into_inner();
            all.extend(answer.event_definitions);
            if answer.next_page_token.is_empty() {
                return all;
            }
            page_token = answer.next_page_token;
        }
    };
    let standard = events("", 200).await;
    let whole = events(&scene.tenant.name, 200).await;
    assert_eq!(whole[..standard.len()], standard);
    let own: Vec<_> =
        whole[standard.len()..].iter().map(|one| (one.event_name.as_str(), one.custom)).collect();
    assert_eq!(own, [("Demo booked", true)]);
    for size in [1, 3, i32::try_from(standard.len()).unwrap()] {
        assert_eq!(events(&scene.tenant.name, size).await, whole, "in pages of {size}");
        assert_eq!(events("", size).await, standard, "in pages of {size}");
    }
    let purchase = standard.iter().find(|event| event.event_name == "Purchase").unwrap();
    let value = purchase.attribute_definitions.iter().find(|attribute| attribute.target == "value").unwrap();
    assert_eq!(value.value_type(), ValueType::Number);

    let traits =
        |parent: &str| ListTraitDefinitionsRequest { parent: parent.to_owned(), ..Default::default() };
    let found = scene.world.workflows().list_trait_definitions(traits(&scene.tenant.name)).await.unwrap();
    let found = found.into_inner().trait_definitions;
    let own: Vec<_> = found.iter().filter(|one| one.custom).map(|one| one.target.as_str()).collect();
    assert_eq!(own, ["shoe_size"]);
    assert!(found.iter().any(|one| one.target == "email" && !one.custom));

    // Whoever may not read the tenant does not learn its names.
    let other = scene.world.tenant("other").await;
    let stranger =
        scene.world.join(&agency_of(&other.name), "o@example.com", AgencyRole::Owner, Vec::new()).await;
    let token = stranger.bearer();
    let mut theirs = WorkflowServiceClient::new(scene.world.wire_of(token.trim_start_matches("Bearer ")));
    assert!(theirs.list_trait_definitions(traits("")).await.is_ok());
    let refused = theirs.list_trait_definitions(traits(&scene.tenant.name)).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
    let request = ListEventDefinitionsRequest { parent: scene.tenant.name.clone(), ..Default::default() };
    assert_eq!(theirs.list_event_definitions(request).await.unwrap_err().code(), Code::NotFound);
}
