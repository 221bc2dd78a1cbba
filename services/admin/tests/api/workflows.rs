//! Workflows: drafts, publishing, the description of the language.

use tonic::Code;
use tonic_types::StatusExt;
use tributary_proto::admin::v1::{
    CreateWorkflowRequest, DeleteWorkflowRequest, DescribeMappingLanguageRequest, GetWorkflowRequest,
    GetWorkflowSampleRequest, Input, ListEventDefinitionsRequest, ListTraitDefinitionsRequest,
    ListWorkflowsRequest, Mapping, Path, PublishWorkflowRequest, Source, UnpublishWorkflowRequest,
    UpdateWorkflowRequest, Workflow, WorkflowSpec, input,
};

use crate::support::{World, fields, mask, reason};

/// A workflow of a source, from its provider's preset.
pub(crate) async fn create(world: &World, source: &Source, key: &str) -> Workflow {
    let workflow =
        Workflow { key: key.to_owned(), display_name: "Bookings".to_owned(), ..Workflow::default() };
    let request =
        CreateWorkflowRequest { parent: source.name.clone(), workflow: Some(workflow), ..Default::default() };
    world.workflows().create_workflow(request).await.unwrap().into_inner()
}

/// Publishes a workflow as it is.
pub(crate) async fn publish(world: &World, workflow: &Workflow) -> Workflow {
    let request = PublishWorkflowRequest {
        name: workflow.name.clone(),
        etag: workflow.etag.clone(),
        note: String::new(),
    };
    world.workflows().publish_workflow(request).await.unwrap().into_inner()
}

/// A workflow of a source, in force, which also maps what is at each place: in a section (`consents`, `group_identities`,
/// `group_traits`) a target and its path.
pub(crate) async fn mapping_too(world: &World, source: &Source, more: &[(&str, &str, &str)]) -> Workflow {
    let made = create(world, source, "booking").await;
    let mut draft = made.draft.clone().unwrap();
    for (number, (section, target, jsonpath)) in more.iter().enumerate() {
        let path = Path { jsonpath: (*jsonpath).to_owned(), ..Path::default() };
        let mapping = Mapping {
            id: format!("more_{number}"),
            target: (*target).to_owned(),
            inputs: vec![Input { from: Some(input::From::Path(path)) }],
            ..Mapping::default()
        };
        match *section {
            "consents" => draft.consents.push(mapping),
            "group_identities" => draft.group_identities.push(mapping),
            "group_traits" => draft.group_traits.push(mapping),
            other => panic!("{other} is no section of these"),
        }
    }
    let change = Workflow { draft: Some(draft), ..made };
    let request = UpdateWorkflowRequest { workflow: Some(change), update_mask: mask(&["draft"]) };
    let changed = world.workflows().update_workflow(request).await.unwrap().into_inner();
    publish(world, &changed).await
}

#[tokio::test]
async fn a_draft_above_what_is_published_leaves_it_unchanged() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let source = world.source(&tenant, "calendly").await.source.unwrap();
    let made = create(&world, &source, "booking").await;
    assert!(made.published.is_none() && made.published_version == 0, "a new workflow is a draft");
    assert!(made.problems.is_empty(), "{:?}", made.problems);
    let published = publish(&world, &made).await;
    assert_eq!((published.published_version, &published.published), (1, &made.draft));

    let draft = WorkflowSpec { identifiers: Vec::new(), ..made.draft.clone().unwrap() };
    let change = Workflow { draft: Some(draft.clone()), order: 7, ..published.clone() };
    let request = UpdateWorkflowRequest { workflow: Some(change), update_mask: mask(&["draft", "order"]) };
    let changed = world.workflows().update_workflow(request).await.unwrap().into_inner();
    assert_eq!((changed.draft.as_ref(), changed.published.as_ref()), (Some(&draft), made.draft.as_ref()));
    assert_eq!(changed.order, 7);
    assert!(!changed.problems.is_empty(), "no identifier");

    let request =
        PublishWorkflowRequest { name: changed.name.clone(), etag: published.etag, note: String::new() };
    assert_eq!(world.workflows().publish_workflow(request).await.unwrap_err().code(), Code::Aborted);
    let request =
        PublishWorkflowRequest { name: changed.name.clone(), etag: changed.etag, note: String::new() };
    let refused = world.workflows().publish_workflow(request).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "DRAFT_HAS_PROBLEMS"));
    assert!(!refused.get_details_precondition_failure().unwrap().violations.is_empty());

    let request = UnpublishWorkflowRequest { name: changed.name.clone(), etag: String::new() };
    let unpublished = world.workflows().unpublish_workflow(request.clone()).await.unwrap().into_inner();
    assert!(unpublished.published.is_none());
    let again = world.workflows().unpublish_workflow(request).await.unwrap_err();
    assert_eq!(reason(&again), "STATE_FORBIDS");
}

#[tokio::test]
async fn what_is_wrong_with_a_workflow_is_said_by_field() {
    let world = World::start().await;
    let (tenant, other) = (world.tenant("acme").await, world.tenant("other").await);
    let source = world.source(&tenant, "calendly").await.source.unwrap();
    let made = create(&world, &source, "booking").await;
    let draft = WorkflowSpec {
        identifiers: vec![tributary_proto::admin::v1::Mapping { on_empty: 77, ..Default::default() }],
        ..WorkflowSpec::default()
    };
    let change = Workflow {
        draft: Some(draft),
        delay: Some(prost_types::Duration { seconds: 8 * 24 * 3_600, nanos: 0 }),
        sample_message: format!("{}/messages/msg_00000000000000000000000001", other.name),
        ..made.clone()
    };
    let paths = ["draft", "delay", "sample_message"];
    let request = UpdateWorkflowRequest { workflow: Some(change), update_mask: mask(&paths) };
    let refused = world.workflows().update_workflow(request).await.unwrap_err();
    let mut found = fields(&refused);
    found.sort();
    assert_eq!(
        found,
        ["workflow.delay", "workflow.draft.identifiers[0].on_empty", "workflow.sample_message"]
    );

    let body = serde_json::json!({ "event": "invitee.created" });
    let message = world.commit(&source, 1, &body).await;
    let change = Workflow { sample_message: message.to_string(), ..made.clone() };
    let request = UpdateWorkflowRequest { workflow: Some(change), update_mask: mask(&["sample_message"]) };
    let pinned = world.workflows().update_workflow(request).await.unwrap().into_inner();
    assert_eq!(pinned.sample_message, format!("{}/messages/{message}", tenant.name));
}

#[tokio::test]
async fn workflows_are_listed_and_deleted() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let (one, two) = (world.source(&tenant, "one").await, world.source(&tenant, "two").await);
    let (one, two) = (one.source.unwrap(), two.source.unwrap());
    let (first, second) = (create(&world, &one, "first").await, create(&world, &two, "second").await);
    let list = |parent: String| ListWorkflowsRequest { parent, ..ListWorkflowsRequest::default() };
    let of_one = world.workflows().list_workflows(list(one.name.clone())).await.unwrap().into_inner();
    assert_eq!(of_one.workflows, std::slice::from_ref(&first));
    let all = world.workflows().list_workflows(list(format!("{}/sources/-", tenant.name))).await.unwrap();
    assert_eq!(all.into_inner().workflows, [first.clone(), second.clone()]);
    let elsewhere = first.name.replace(&one.name, &two.name);
    let refused = world.workflows().get_workflow(GetWorkflowRequest { name: elsewhere }).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::NotFound, "WORKFLOW_NOT_FOUND"));
    let request = DeleteWorkflowRequest { name: first.name.clone(), etag: first.etag };
    world.workflows().delete_workflow(request).await.unwrap();
    let gone = world.workflows().get_workflow(GetWorkflowRequest { name: first.name }).await.unwrap_err();
    assert_eq!(gone.code(), Code::NotFound);
}

#[tokio::test]
async fn an_editor_can_be_drawn_from_what_is_described() {
    let world = World::start().await;
    let mut workflows = world.workflows();
    let language =
        workflows.describe_mapping_language(DescribeMappingLanguageRequest {}).await.unwrap().into_inner();
    assert!(language.identifier_types.iter().any(|word| word.name == "external_id:"));
    let events = workflows.list_event_definitions(ListEventDefinitionsRequest::default()).await.unwrap();
    let events = events.into_inner().event_definitions;
    let find = |name: &str| events.iter().find(|event| event.event_name == name).unwrap();
    let names = |event: &str| -> Vec<String> {
        let names = find(event).platform_names.iter();
        names.map(|name| format!("{} {}", name.platform, name.event_name)).collect()
    };
    assert!(find("Schedule").expected_attributes.is_empty());
    let expected =
        ["meta Schedule", "google_ads BOOK_APPOINTMENT", "tiktok Schedule", "linkedin BOOK_APPOINTMENT"];
    assert_eq!(names("Schedule"), expected, "GA4 has no name for it");
    assert_eq!(find("Purchase").expected_attributes, ["value", "currency"]);
    let request = ListTraitDefinitionsRequest { page_size: 3, ..ListTraitDefinitionsRequest::default() };
    let traits = workflows.list_trait_definitions(request).await.unwrap().into_inner();
    assert_eq!(traits.trait_definitions.len(), 3);
    assert!(!traits.next_page_token.is_empty());
}

#[tokio::test]
async fn a_pinned_message_stays_whatever_comes_after_it() {
    let world = World::start().await;
    let (tenant, other) = (world.tenant("acme").await, world.tenant("other").await);
    let source = world.source(&tenant, "calendly").await.source.unwrap();
    let theirs = world.source(&other, "calendly").await.source.unwrap();
    let made = create(&world, &source, "booking").await;
    let message =
        world.commit(&source, 1, &serde_json::json!({ "event": "first", "payload": { "a": 1 } })).await;
    let foreign = world.commit(&theirs, 2, &serde_json::json!({ "event": "x" })).await;
    let pin = async |workflow: &Workflow, sample: &str| {
        let change = Workflow { sample_message: sample.to_owned(), ..workflow.clone() };
        let request =
            UpdateWorkflowRequest { workflow: Some(change), update_mask: mask(&["sample_message"]) };
        world.workflows().update_workflow(request).await
    };
    let get = GetWorkflowSampleRequest { name: made.name.clone() };
    let none = world.workflows().get_workflow_sample(get.clone()).await.unwrap_err();
    assert_eq!((none.code(), reason(&none).as_str()), (Code::NotFound, "SAMPLE_NOT_FOUND"));

    for (given, code) in [
        (foreign.to_string(), Code::NotFound),
        (format!("{}/messages/{message}", other.name), Code::InvalidArgument),
        ("msg_00000000000000000000000009".to_owned(), Code::NotFound),
        ("booking".to_owned(), Code::InvalidArgument),
    ] {
        assert_eq!(pin(&made, &given).await.unwrap_err().code(), code, "{given}");
    }
    let pinned = pin(&made, &format!("{}/messages/{message}", tenant.name)).await.unwrap().into_inner();
    assert_eq!(pinned.sample_message, format!("{}/messages/{message}", tenant.name));
    world.commit(&source, 3, &serde_json::json!({ "event": "later", "payload": {} })).await;
    let sample = world.workflows().get_workflow_sample(get.clone()).await.unwrap().into_inner();
    let shown = sample.message.unwrap();
    assert_eq!((shown.name, shown.provider_event.as_str()), (pinned.sample_message.clone(), "first"));
    assert_eq!(shown.body, r#"{"event":"first","payload":{"a":1}}"#);
    let values: Vec<_> = sample.values.iter().map(|value| value.path.as_str()).collect();
    assert_eq!(values, ["$.event", "$.payload.a"]);

    let unpinned = pin(&pinned, "").await.unwrap().into_inner();
    assert_eq!(unpinned.sample_message, "");
    assert_eq!(world.workflows().get_workflow_sample(get).await.unwrap_err().code(), Code::NotFound);
}
