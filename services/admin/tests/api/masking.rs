//! Personal data is masked for roles below the tenant's `personal_data_role`, wherever it is shown, and not to be found out
//! by asking for it.

use std::sync::Arc;

use tonic::Code;
use tributary_domain::committed::Committed;
use tributary_proto::admin::v1::{
    AddSuppressionsRequest, AgencyRole, GetMessageRequest, GetMessageTraceRequest, GetProfileRequest,
    GetProfileTimelineRequest, ListConversionsRequest, ListDeliveriesRequest, ListEventsRequest,
    ListGroupsRequest, ListMessagesRequest, ListProfilesRequest, ListRunsRequest, ListSamplesRequest,
    ListSuppressionsRequest, LookupProfileRequest, MessageView, SuggestMappingsRequest, SuppressedIdentifier,
    TailRequest, Tenant, TenantRole, TenantSettings, TestWorkflowRequest, UpdateTenantRequest,
    conversion_service_client::ConversionServiceClient, event_service_client::EventServiceClient,
    group_service_client::GroupServiceClient, log_service_client::LogServiceClient,
    privacy_service_client::PrivacyServiceClient, profile_service_client::ProfileServiceClient,
    source_service_client::SourceServiceClient, tail_response,
    workflow_service_client::WorkflowServiceClient,
};

use crate::{
    destinations,
    logs::booking,
    support::{Wire, World, agency_of, grant, mask, reason},
    tail, workflows,
};

const CLUID: &str = "trb_0123456789abcdefghjkmnpqrs";
/// What nobody may see who sees no personal data, in lower case.
const PERSONAL: [&str; 8] =
    ["ann@", "\"ann\"", "ann example", "example.com", CLUID, "spring", "/invitees/", "brightwater"];

async fn seen_from(world: &World, tenant: &Tenant, role: TenantRole) -> Tenant {
    let settings = TenantSettings { personal_data_role: role.into(), ..TenantSettings::default() };
    let change = Tenant { settings: Some(settings), ..world_tenant(world, tenant).await };
    let request =
        UpdateTenantRequest { tenant: Some(change), update_mask: mask(&["settings.personal_data_role"]) };
    world.tenants().update_tenant(request).await.unwrap().into_inner()
}

async fn world_tenant(world: &World, tenant: &Tenant) -> Tenant {
    let request = tributary_proto::admin::v1::GetTenantRequest { name: tenant.name.clone() };
    world.tenants().get_tenant(request).await.unwrap().into_inner()
}

async fn with_role(world: &World, tenant: &Tenant, email: &str, role: TenantRole) -> Wire {
    let agency = agency_of(&tenant.name);
    let somebody = world.join(&agency, email, AgencyRole::Member, vec![grant(&tenant.name, role)]).await;
    world.wire_of(somebody.token())
}

/// Everything that a viewer and an editor can be shown of a booking, as text.
async fn shown(wire: &Wire, scene: &Scene, is_editor: bool) -> Vec<(&'static str, String)> {
    let wire = || wire.clone();
    let parent = || scene.tenant.name.clone();
    let mut logs = LogServiceClient::new(wire());
    let mut profiles = ProfileServiceClient::new(wire());
    let mut sources = SourceServiceClient::new(wire());
    let list = ListProfilesRequest { parent: parent(), ..Default::default() };
    let people = profiles.list_profiles(list).await.unwrap().into_inner();
    let person = people.profiles[0].name.clone();
    let mut told = Vec::new();
    let mut tell = |what, shown: &dyn std::fmt::Debug| told.push((what, format!("{shown:?}")));
    tell("ListProfiles", &people);
    tell(
        "GetProfile",
        &profiles.get_profile(GetProfileRequest { name: person.clone() }).await.unwrap().into_inner(),
    );
    let timeline = GetProfileTimelineRequest { name: person.clone(), ..Default::default() };
    tell("GetProfileTimeline", &profiles.get_profile_timeline(timeline).await.unwrap().into_inner());
    for message in &scene.messages {
        let request = GetMessageTraceRequest { name: message.clone() };
        tell("GetMessageTrace", &logs.get_message_trace(request).await.unwrap().into_inner());
        let request = GetMessageRequest { name: message.clone(), view: 0 };
        tell("GetMessage", &logs.get_message(request).await.unwrap().into_inner());
    }
    let request = ListMessagesRequest {
        parent: scene.source.clone(),
        view: MessageView::Full.into(),
        ..Default::default()
    };
    tell("ListMessages", &logs.list_messages(request).await.unwrap().into_inner());
    let request = ListRunsRequest { parent: scene.workflow.clone(), ..Default::default() };
    tell("ListRuns", &logs.list_runs(request).await.unwrap().into_inner());
    let request = ListDeliveriesRequest { parent: parent(), ..Default::default() };
    tell("ListDeliveries", &logs.list_deliveries(request).await.unwrap().into_inner());
    let request = ListEventsRequest { parent: parent(), ..Default::default() };
    let events = EventServiceClient::new(wire()).list_events(request).await.unwrap().into_inner();
    assert_eq!(events.events[0].event_name, "Schedule", "what is not personal is shown");
    tell("ListEvents", &events);
    let request = ListConversionsRequest { parent: parent(), ..Default::default() };
    let conversions = ConversionServiceClient::new(wire()).list_conversions(request).await.unwrap();
    tell("ListConversions", &conversions.into_inner());
    let request = ListGroupsRequest { parent: parent(), ..Default::default() };
    tell("ListGroups", &GroupServiceClient::new(wire()).list_groups(request).await.unwrap().into_inner());
    let request = ListSamplesRequest { parent: scene.source.clone(), ..Default::default() };
    tell("ListSamples", &sources.list_samples(request).await.unwrap().into_inner());
    let request = SuggestMappingsRequest { parent: scene.source.clone(), ..Default::default() };
    tell("SuggestMappings", &sources.suggest_mappings(request).await.unwrap().into_inner());
    if is_editor {
        let request = TestWorkflowRequest { name: scene.workflow.clone(), ..Default::default() };
        let tested = WorkflowServiceClient::new(wire()).test_workflow(request).await.unwrap().into_inner();
        assert!(tested.deliveries[0].request.is_some());
        tell("TestWorkflow", &tested);
    }
    told
}

struct Scene {
    tenant: Tenant,
    source: String,
    workflow: String,
    messages: Vec<String>,
}

async fn scene(world: &World) -> Scene {
    let tenant = world.tenant("acme").await;
    let source = world.source(&tenant, "calendly").await.source.unwrap();
    let more = [
        ("group_identities", "account_id", "$.payload.account"),
        ("consents", "marketing", "$.payload.email"),
    ];
    let workflow = workflows::mapping_too(world, &source, &more).await;
    destinations::create(world, &tenant).await;
    let mut first = booking(1, "ann@example.com", CLUID);
    first["payload"]["account"] = "Brightwater".into();
    first["payload"]["by_person"] = serde_json::json!({"ann@example.com": {"seats": 1}});
    let mut nobody = booking(2, "Ann, spring sale", "spring sale");
    nobody["payload"]["account"] = "Brightwater".into();
    let nobody = world.commit(&source, 2, &nobody).await;
    let first = world.commit(&source, 3, &first).await;
    Scene {
        tenant,
        source: source.name,
        workflow: workflow.name,
        messages: vec![nobody.to_string(), first.to_string()],
    }
}

#[tokio::test]
async fn who_sees_no_personal_data_is_shown_none_anywhere() {
    let world = World::start().await;
    let scene = Box::pin(scene(&world)).await;
    let viewer = with_role(&world, &scene.tenant, "v@agency.test", TenantRole::Viewer).await;
    let editor = with_role(&world, &scene.tenant, "e@agency.test", TenantRole::Editor).await;
    let clear: String = shown(&viewer, &scene, false).await.into_iter().map(|(_, told)| told).collect();
    for personal in PERSONAL {
        assert!(clear.to_lowercase().contains(personal), "it is there: {personal}");
    }
    let set = seen_from(&world, &scene.tenant, TenantRole::Editor).await;
    assert_eq!(set.settings.unwrap().personal_data_role(), TenantRole::Editor);
    for (call, told) in shown(&viewer, &scene, false).await {
        for personal in PERSONAL {
            assert!(!told.to_lowercase().contains(personal), "{call}: {personal} in {told}");
        }
    }
    let by_editor: String = shown(&editor, &scene, true).await.into_iter().map(|(_, told)| told).collect();
    assert!(by_editor.contains("ann@example.com"), "the editor sees it");
    seen_from(&world, &scene.tenant, TenantRole::Admin).await;
    for (call, told) in shown(&editor, &scene, true).await {
        for personal in PERSONAL {
            assert!(!told.to_lowercase().contains(personal), "{call}: {personal} in {told}");
        }
    }
    let operator: String =
        shown(&world.wire(), &scene, true).await.into_iter().map(|(_, told)| told).collect();
    assert!(operator.contains("ann@example.com"), "whoever runs the installation sees it");
}

#[tokio::test]
async fn what_is_masked_cannot_be_found_out_by_asking_for_it() {
    let world = World::start().await;
    let scene = Box::pin(scene(&world)).await;
    let viewer = with_role(&world, &scene.tenant, "v@agency.test", TenantRole::Viewer).await;
    let parent = scene.tenant.name.clone();
    let asked = async || {
        let mut answers = Vec::new();
        for filter in
            ["identifier = email:ann@example.com", "cluid = trb_0123456789abcdefghjkmnpqrs", "body: ann"]
        {
            let filter = format!("{filter} AND message = {}", scene.messages[1]);
            let request = ListMessagesRequest {
                parent: scene.source.clone(),
                filter: filter.clone(),
                ..Default::default()
            };
            answers.push(LogServiceClient::new(viewer.clone()).list_messages(request).await.map(drop));
            let request = ListEventsRequest { parent: parent.clone(), filter, ..Default::default() };
            answers.push(EventServiceClient::new(viewer.clone()).list_events(request).await.map(drop));
        }
        let request = TailRequest {
            parent: parent.clone(),
            filter: "identifier = email:ann@example.com".to_owned(),
            ..Default::default()
        };
        answers.push(LogServiceClient::new(viewer.clone()).tail(request).await.map(drop));
        let request = LookupProfileRequest {
            parent: parent.clone(),
            identifier_type: "email".to_owned(),
            identifier_value: "ann@example.com".to_owned(),
        };
        answers.push(ProfileServiceClient::new(viewer.clone()).lookup_profile(request).await.map(drop));
        let request = ListGroupsRequest {
            parent: parent.clone(),
            filter: "value = Brightwater".to_owned(),
            ..Default::default()
        };
        answers.push(GroupServiceClient::new(viewer.clone()).list_groups(request).await.map(drop));
        let key = "https://api.calendly.com/scheduled_events/E1/invitees/I1";
        let request = ListConversionsRequest {
            parent: parent.clone(),
            filter: format!("key = \"{key}\""),
            ..Default::default()
        };
        answers.push(ConversionServiceClient::new(viewer.clone()).list_conversions(request).await.map(drop));
        answers
    };
    for answer in asked().await {
        answer.unwrap();
    }
    seen_from(&world, &scene.tenant, TenantRole::Editor).await;
    let refused = asked().await;
    assert_eq!(refused.len(), 10);
    for answer in refused {
        let refused = answer.unwrap_err();
        let told = (refused.code(), reason(&refused));
        assert_eq!(told, (Code::PermissionDenied, "PERSONAL_DATA_MASKED".to_owned()));
    }
}

#[tokio::test]
async fn a_draft_that_is_proposed_names_nobody() {
    let world = World::start().await;
    let scene = Box::pin(scene(&world)).await;
    let viewer = with_role(&world, &scene.tenant, "v@agency.test", TenantRole::Viewer).await;
    let body = serde_json::json!({
        "email": "bob@example.com",
        "by_person": {"ann@example.com": {"phone": "+14045550142"}},
    });
    let drafted = async || {
        let request = SuggestMappingsRequest { parent: scene.source.clone(), body: body.to_string() };
        let found = SourceServiceClient::new(viewer.clone()).suggest_mappings(request).await.unwrap();
        found.into_inner().spec.expect("a draft")
    };
    assert_eq!(drafted().await.identifiers.len(), 2, "the phone number is found");
    seen_from(&world, &scene.tenant, TenantRole::Editor).await;
    let masked = drafted().await;
    assert!(!format!("{masked:?}").contains("ann@"), "{masked:?}");
    assert_eq!(masked.identifiers.len(), 1);
}

#[tokio::test]
async fn whether_somebody_was_erased_is_not_told_by_the_list() {
    let world = World::start().await;
    let scene = Box::pin(scene(&world)).await;
    let editor = with_role(&world, &scene.tenant, "e@agency.test", TenantRole::Editor).await;
    let (parent, value) = (scene.tenant.name.clone(), "ann@example.com".to_owned());
    let request = LookupProfileRequest {
        parent: parent.clone(),
        identifier_type: "email".to_owned(),
        identifier_value: value.clone(),
    };
    let person = world.profiles().lookup_profile(request).await.unwrap().into_inner().name;
    world.erase(&person).await;
    let added = async || {
        let identifiers = vec![SuppressedIdentifier { r#type: "email".to_owned(), value: value.clone() }];
        let request = AddSuppressionsRequest { parent: parent.clone(), identifiers, ..Default::default() };
        let added = PrivacyServiceClient::new(editor.clone()).add_suppressions(request).await.unwrap();
        added.into_inner().suppressions.remove(0)
    };
    let listed = async |with_erased| {
        let request = ListSuppressionsRequest { parent: parent.clone(), with_erased, ..Default::default() };
        PrivacyServiceClient::new(editor.clone()).list_suppressions(request).await
    };
    let clear = listed(true).await.unwrap().into_inner().suppressions;
    assert!(clear.iter().any(|one| one.erased_until_time.is_some() && one.list_time.is_none()), "{clear:?}");
    seen_from(&world, &scene.tenant, TenantRole::Admin).await;
    let masked = added().await;
    assert!(masked.list_time.is_some() && masked.erased_until_time.is_none(), "{masked:?}");
    assert_eq!(listed(false).await.unwrap().into_inner().suppressions, [masked]);
    let refused = listed(true).await.unwrap_err();
    assert_eq!(reason(&refused), "PERSONAL_DATA_MASKED");
    seen_from(&world, &scene.tenant, TenantRole::Editor).await;
    assert!(added().await.erased_until_time.is_some(), "who sees personal data is told");
}

#[tokio::test]
async fn what_is_told_as_it_happens_names_nobody_either() {
    let world = World::start().await;
    let scene = Box::pin(scene(&world)).await;
    let viewer = with_role(&world, &scene.tenant, "v@agency.test", TenantRole::Viewer).await;
    seen_from(&world, &scene.tenant, TenantRole::Editor).await;
    let request = TailRequest { parent: scene.tenant.name.clone(), ..Default::default() };
    let source = tributary_proto::admin::v1::Source { name: scene.source.clone(), ..Default::default() };
    let said = "422: \"Ann Example\" at ann@example.com, +14045550142, is unknown here";
    for (wire, sees) in [(viewer, false), (world.wire(), true)] {
        let mut open = LogServiceClient::new(wire).tail(request.clone()).await.unwrap().into_inner();
        assert!(world.house.told.send(tail::answered(&source, Some(said))).is_ok());
        let entry = open.message().await.unwrap().unwrap().entry.unwrap();
        let tail_response::Entry::Delivery(delivery) = entry else { panic!("{entry:?}") };
        let error = delivery.last_error;
        assert!(error.starts_with("422: ") && error.ends_with(" is unknown here"), "{error}");
        for personal in ["Ann Example", "ann@", "example.com", "4045550142"] {
            assert_eq!(error.contains(personal), sees, "{personal} in {error}");
        }
    }
}

#[tokio::test]
async fn a_stream_ends_when_its_caller_loses_sight() {
    let world = World::start().await;
    let scene = Box::pin(scene(&world)).await;
    let viewer = with_role(&world, &scene.tenant, "v@agency.test", TenantRole::Viewer).await;
    let request = TailRequest { parent: scene.tenant.name.clone(), ..Default::default() };
    let mut open = LogServiceClient::new(viewer.clone()).tail(request.clone()).await.unwrap().into_inner();
    seen_from(&world, &scene.tenant, TenantRole::Editor).await;
    let ended = open.message().await.unwrap_err();
    assert_eq!(reason(&ended), "PERSONAL_DATA_MASKED");
    // Opened again, it goes on, masked.
    let mut open = LogServiceClient::new(viewer).tail(request).await.unwrap().into_inner();
    let source = tributary_proto::admin::v1::Source { name: scene.source.clone(), ..Default::default() };
    let told: Arc<Committed> = tail::message(&source, 1);
    assert!(world.house.told.send(told).is_ok());
    assert!(open.message().await.unwrap().is_some());
}
