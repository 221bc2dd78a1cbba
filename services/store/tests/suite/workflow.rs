//! Workflows: drafts and versions.

use std::time::Duration;

use serde_json::json;
use tributary_domain::{
    id::{SourceId, WorkflowId},
    workflow::spec::{Kind, WorkflowSpec},
};
use tributary_store::{
    Conflict, Page, Show, StoreError, TenantScope,
    source::{NewSource, UrlSecret},
    workflow::{Earlier, NewWorkflow, WorkflowChange},
};

use crate::support::{author, on_each_database, tenant};

fn new_workflow(number: u128, sort_order: i32) -> NewWorkflow {
    NewWorkflow {
        id: WorkflowId::new(1, number),
        source: SourceId::new(1, 1),
        key: format!("workflow-{number}"),
        display_name: "Workflow".to_owned(),
        sort_order,
        delay: Duration::from_millis(1500),
        draft: WorkflowSpec::default(),
        sample_message: None,
    }
}

async fn make_source(scope: TenantScope<'_>) {
    let new = NewSource {
        id: SourceId::new(1, 1),
        key: "source".to_owned(),
        display_name: "Source".to_owned(),
        provider: "custom".to_owned(),
        settings: json!({}),
        signing_keys: Vec::new(),
        body_limit: 1,
        secret: UrlSecret::of("secret"),
    };
    scope.create_source(&new, &author(1)).await.expect("makes a source");
}

#[tokio::test]
async fn what_is_published_stays_while_the_draft_goes_on() {
    on_each_database(async |database| {
        let scope = database.store.tenant(tenant(&database.store, 1).await.id);
        make_source(scope).await;
        let made = scope.create_workflow(&new_workflow(1, 0), &author(2)).await.expect("makes");
        assert_eq!((made.published_version, made.delay), (None, Duration::from_millis(1500)));
        let first = scope.publish_workflow(made.id, 1, "", &author(3)).await.expect("publishes");
        assert_eq!((first.version, first.spec.kind), (1, Kind::Track));

        let draft = WorkflowSpec { kind: Kind::Identify, ..WorkflowSpec::default() };
        let change = WorkflowChange { draft: Some(draft), ..WorkflowChange::default() };
        let edited = scope.update_workflow(made.id, 2, &change, &author(4)).await.expect("changes");
        assert_eq!((edited.published_version, edited.draft.kind), (Some(1), Kind::Identify));
        let running = scope.active_workflows(made.source).await.expect("reads");
        assert_eq!(running[0].published.as_ref(), Some(&first));

        let second = scope.publish_workflow(made.id, 3, "", &author(5)).await.expect("publishes");
        assert_eq!((second.version, second.spec.kind), (2, Kind::Identify));
        assert_eq!(scope.workflow_version(made.id, 1).await.as_ref(), Ok(&first), "versions never change");
        let versions = scope.workflow_versions(made.id, Page::first(1)).await.expect("lists");
        assert_eq!((versions.items, versions.next), (vec![second], Some(2)));
        let late = scope.publish_workflow(made.id, 3, "", &author(5)).await;
        assert_eq!(late, Err(StoreError::Conflict { what: "workflow", conflict: Conflict::Revision }));
    })
    .await;
}

#[tokio::test]
async fn an_earlier_version_comes_back_as_a_new_one() {
    on_each_database(async |database| {
        let scope = database.store.tenant(tenant(&database.store, 1).await.id);
        make_source(scope).await;
        let made = scope.create_workflow(&new_workflow(1, 0), &author(2)).await.expect("makes");
        let first = scope.publish_workflow(made.id, 1, "the first", &author(3)).await.expect("publishes");
        assert_eq!(first.note.as_deref(), Some("the first"));
        assert_eq!((first.author.as_deref(), first.restored_version), (Some(author(3).actor.as_str()), None));
        let draft = WorkflowSpec { kind: Kind::Identify, ..WorkflowSpec::default() };
        let change = WorkflowChange { draft: Some(draft.clone()), ..WorkflowChange::default() };
        scope.update_workflow(made.id, 2, &change, &author(4)).await.expect("changes");
        let second = scope.publish_workflow(made.id, 3, "", &author(5)).await.expect("publishes");
        assert_eq!(second.note, None);

        let to = Earlier { version: 1, replaces_draft: false, note: "it was wrong" };
        let late = scope.roll_back_workflow(made.id, 3, to, &author(6)).await;
        assert_eq!(late, Err(StoreError::Conflict { what: "workflow", conflict: Conflict::Revision }));
        let lost = Earlier { version: 9, ..to };
        let none = scope.roll_back_workflow(made.id, 4, lost, &author(6)).await;
        assert_eq!(none, Err(StoreError::NotFound { what: "workflow version" }));
        let back = scope.roll_back_workflow(made.id, 4, to, &author(6)).await.expect("goes back");
        assert_eq!((back.version, back.restored_version, back.spec.kind), (3, Some(1), Kind::Track));
        assert_eq!(back.note.as_deref(), Some("it was wrong"));
        let now = scope.workflow(made.id).await.expect("reads");
        assert_eq!((now.published_version, now.draft, now.revision), (Some(3), draft, 5), "the draft stays");
        assert_eq!(
            scope.active_workflows(made.source).await.expect("reads")[0].published.as_ref(),
            Some(&back)
        );
        let to = Earlier { replaces_draft: true, ..to };
        scope.roll_back_workflow(made.id, 5, to, &author(7)).await.expect("goes back");
        let now = scope.workflow(made.id).await.expect("reads");
        assert_eq!(
            (now.published_version, now.draft.kind),
            (Some(4), Kind::Track),
            "the draft goes back too"
        );
        assert_eq!(scope.workflow_version(made.id, 2).await.as_ref(), Ok(&second), "versions never change");
    })
    .await;
}

#[tokio::test]
async fn a_source_comes_with_its_drafts_or_not_at_all() {
    on_each_database(async |database| {
        let scope = database.store.tenant(tenant(&database.store, 1).await.id);
        make_source(scope).await;
        let taken = NewWorkflow { key: "preset".to_owned(), ..new_workflow(1, 0) };
        scope.create_workflow(&taken, &author(2)).await.expect("makes");
        let source = |number| NewSource {
            id: SourceId::new(1, number),
            key: format!("source-{number}"),
            display_name: "Source".to_owned(),
            provider: "custom".to_owned(),
            settings: json!({}),
            signing_keys: Vec::new(),
            body_limit: 1,
            secret: UrlSecret::of(&format!("secret-{number}")),
        };
        let draft = |number, of, key: &str| NewWorkflow {
            source: SourceId::new(1, of),
            key: key.to_owned(),
            ..new_workflow(number, 0)
        };
        let drafts = [draft(2, 2, "preset"), draft(3, 2, "preset_x")];
        scope.create_source_with(&source(2), &drafts, &author(3)).await.expect("makes");
        let keys = async |of| {
            let page = Page::first(9);
            let found = scope.workflows(Some(SourceId::new(1, of)), Show::Live, page).await.expect("lists");
            found.items.into_iter().map(|draft| draft.key).collect::<Vec<_>>()
        };
        assert_eq!(keys(2).await, ["preset_2", "preset_x"]);
        let again = [draft(4, 3, "preset"), draft(2, 3, "other")];
        scope.create_source_with(&source(3), &again, &author(4)).await.expect_err("an id is taken");
        let absent = scope.source(SourceId::new(1, 3)).await;
        assert_eq!(absent, Err(StoreError::NotFound { what: "source" }), "all or nothing");
    })
    .await;
}

#[tokio::test]
async fn an_unpublished_workflow_runs_nothing_and_its_next_version_is_a_new_one() {
    on_each_database(async |database| {
        let scope = database.store.tenant(tenant(&database.store, 1).await.id);
        make_source(scope).await;
        let made = scope.create_workflow(&new_workflow(1, 0), &author(2)).await.expect("makes");
        let early = scope.unpublish_workflow(made.id, 1, &author(3)).await;
        assert_eq!(early, Err(StoreError::Conflict { what: "workflow", conflict: Conflict::State }));
        scope.publish_workflow(made.id, 1, "", &author(3)).await.expect("publishes");
        scope.unpublish_workflow(made.id, 2, &author(4)).await.expect("unpublishes");
        assert_eq!(scope.active_workflows(made.source).await.expect("reads")[0].published, None);
        let next = scope.publish_workflow(made.id, 3, "", &author(5)).await.expect("publishes");
        assert_eq!(next.version, 2);
        scope.delete_workflow(made.id, 4, &author(6)).await.expect("deletes");
        assert_eq!(scope.active_workflows(made.source).await, Ok(Vec::new()));
        assert_eq!(scope.workflow_version(made.id, 2).await, Ok(next), "its runs can still be explained");
    })
    .await;
}

#[tokio::test]
async fn workflows_run_in_their_order_and_are_listed_by_source() {
    on_each_database(async |database| {
        let scope = database.store.tenant(tenant(&database.store, 1).await.id);
        make_source(scope).await;
        for (number, order) in [(1, 2), (2, 1), (3, 1)] {
            scope.create_workflow(&new_workflow(number, order), &author(2)).await.expect("makes");
        }
        let order = scope.active_workflows(SourceId::new(1, 1)).await.expect("reads");
        assert_eq!(order.iter().map(|found| found.workflow.bits() & 0xff).collect::<Vec<_>>(), [2, 3, 1]);
        let listed =
            scope.workflows(Some(SourceId::new(1, 1)), Show::Live, Page::first(2)).await.expect("lists");
        assert_eq!((listed.items.len(), listed.next.map(|last| last.id)), (2, Some(WorkflowId::new(1, 2))));
        let elsewhere =
            scope.workflows(Some(SourceId::new(1, 2)), Show::Live, Page::first(2)).await.expect("lists");
        assert!(elsewhere.items.is_empty());
        let lost = NewWorkflow { source: SourceId::new(1, 2), ..new_workflow(4, 0) };
        let refused = scope.create_workflow(&lost, &author(2)).await;
        assert_eq!(refused, Err(StoreError::NotFound { what: "source" }));
    })
    .await;
}
