//! What a new source starts from: presets of its provider, and what its messages suggest.

use serde_json::json;
use tonic::Code;
use tributary_proto::admin::v1::{
    CreateSourceRequest, CreateWorkflowRequest, ListProvidersRequest, ListWorkflowsRequest, Source,
    SuggestMappingsRequest, Workflow, WorkflowSpec, mapping_suggestion::Confidence,
};

use crate::{
    support::{World, fields},
    workflows,
};

fn calendly(parent: &str, key: &str) -> CreateSourceRequest {
    let source = Source {
        key: key.to_owned(),
        display_name: "Calendly".to_owned(),
        provider: "calendly".to_owned(),
        ..Source::default()
    };
    CreateSourceRequest {
        parent: parent.to_owned(),
        source: Some(source),
        draft_workflows: true,
        ..CreateSourceRequest::default()
    }
}

#[tokio::test]
async fn a_new_source_has_a_working_draft_of_each_preset() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let providers = world.sources().list_providers(ListProvidersRequest::default()).await.unwrap();
    let providers = providers.into_inner().providers;
    let presets = &providers.iter().find(|provider| provider.id == "calendly").unwrap().presets;
    assert!(presets.len() >= 6 && presets.iter().all(|preset| !preset.help.is_empty()));

    let request = CreateSourceRequest { request_id: "once".to_owned(), ..calendly(&tenant.name, "one") };
    let made = world.sources().create_source(request.clone()).await.unwrap().into_inner();
    let again = world.sources().create_source(request).await.unwrap().into_inner();
    assert_eq!((&again.draft_workflows, &again.webhook_url), (&made.draft_workflows, &made.webhook_url));
    let list = |parent: String| ListWorkflowsRequest { parent, ..ListWorkflowsRequest::default() };
    let found = world.workflows().list_workflows(list(made.source.unwrap().name)).await.unwrap().into_inner();
    let told: Vec<_> = found.workflows.iter().map(|draft| (draft.key.as_str(), draft.order)).collect();
    let expected: Vec<_> = (0..).zip(presets).map(|(order, preset)| (preset.key.as_str(), order)).collect();
    assert_eq!(told, expected, "in the order of the presets");
    let names: Vec<_> = found.workflows.iter().map(|draft| draft.name.clone()).collect();
    assert_eq!(names, made.draft_workflows);
    for (draft, preset) in found.workflows.iter().zip(presets) {
        assert_eq!((&draft.draft, draft.published_version), (&preset.spec, 0));
        assert!(draft.problems.is_empty(), "{}: {:?}", draft.key, draft.problems);
        assert_eq!(workflows::publish(&world, draft).await.published_version, 1, "it works as it is");
    }

    let second = world.sources().create_source(calendly(&tenant.name, "two")).await.unwrap().into_inner();
    let found = world.workflows().list_workflows(list(second.source.unwrap().name)).await.unwrap();
    assert!(
        found.into_inner().workflows.iter().all(|draft| draft.key.ends_with("_2")),
        "keys are the tenant's"
    );
}

#[tokio::test]
async fn a_workflow_starts_from_the_preset_that_is_named() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let source = world.source(&tenant, "calendly").await.source.unwrap();
    let request = |key: &str, preset: &str| CreateWorkflowRequest {
        parent: source.name.clone(),
        workflow: Some(Workflow { key: key.to_owned(), display_name: "A".to_owned(), ..Workflow::default() }),
        preset: preset.to_owned(),
        ..CreateWorkflowRequest::default()
    };
    let made =
        world.workflows().create_workflow(request("a", "calendly_no_show")).await.unwrap().into_inner();
    let name = &made.draft.unwrap().event_name.unwrap().inputs[0];
    assert!(format!("{name:?}").contains("ScheduleNoShow"), "{name:?}");
    let refused = world.workflows().create_workflow(request("b", "nothing")).await.unwrap_err();
    assert_eq!((fields(&refused), refused.code()), (vec!["preset".to_owned()], Code::InvalidArgument));
    assert!(
        refused.message().contains("calendly_routing_form"),
        "it says what there is: {}",
        refused.message()
    );
    let mut both = request("c", "calendly_booking");
    both.workflow.as_mut().unwrap().draft = Some(WorkflowSpec::default());
    assert_eq!(fields(&world.workflows().create_workflow(both).await.unwrap_err()), ["preset"]);
}

#[tokio::test]
async fn mappings_are_suggested_from_what_came_or_from_a_body() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let source = world.source(&tenant, "calendly").await.source.unwrap();
    let ask = async |body: &str| {
        let request = SuggestMappingsRequest { parent: source.name.clone(), body: body.to_owned() };
        world.sources().suggest_mappings(request).await
    };
    let nothing = ask("").await.unwrap().into_inner();
    assert!(nothing.spec.is_none() && nothing.suggestions.is_empty() && nothing.sample_count == 0);

    for number in 1..=3 {
        let body = json!({ "event": "invitee.created", "payload": {
            "uri": format!("https://api.calendly.com/invitees/{number}"),
            "email": format!("p{number}@example.com"), "name": "Ada Lovelace",
            "scheduled_event": { "event_memberships": [{ "user_email": "host@example.com" }] },
            "tracking": { "utm_term": "trb_01h8xkq7v2m3n4p5r6s7t8v9w0", "utm_source": "ads" },
        } });
        world.commit(&source, number, &body).await;
    }
    let found = ask("").await.unwrap().into_inner();
    assert_eq!((found.sample_count, found.messages.len()), (3, 3));
    let email = found.suggestions.iter().find(|found| found.target == "email").unwrap();
    assert_eq!((email.path.as_str(), email.confidence()), ("$.payload.email", Confidence::High));
    assert_eq!(email.reason, "named like an e-mail address, and every one of 3 samples is one");
    assert!(found.suggestions.iter().all(|found| found.sample_value != "host@example.com"));
    let cluid = found.suggestions.iter().find(|found| found.target == "cluid").unwrap();
    assert!(cluid.path.is_empty() && cluid.in_spec, "the source finds it: {cluid:?}");

    let workflow = Workflow {
        key: "suggested".to_owned(),
        display_name: "Suggested".to_owned(),
        draft: found.spec.clone(),
        ..Workflow::default()
    };
    let request = CreateWorkflowRequest {
        parent: source.name.clone(),
        workflow: Some(workflow),
        ..CreateWorkflowRequest::default()
    };
    let made = world.workflows().create_workflow(request).await.unwrap().into_inner();
    assert_eq!(workflows::publish(&world, &made).await.published_version, 1, "it can be published as it is");

    let given = ask(r#"{"customer": {"email": "ada@example.com"}}"#).await.unwrap().into_inner();
    assert!(given.messages.is_empty() && given.sample_count == 1 && given.spec.is_some());
    for wrong in ["not json".to_owned(), format!("\"{}\"", "x".repeat(512 * 1024))] {
        assert_eq!(fields(&ask(&wrong).await.unwrap_err()), ["body"]);
    }
}
