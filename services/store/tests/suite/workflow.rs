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
    workflow::{NewWorkflow, WorkflowChange},
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
        let first = scope.publish_workflow(made.id, 1, &author(3)).await.expect("publishes");
        assert_eq!((first.version, first.spec.kind), (1, Kind::Track));

        let draft = WorkflowSpec { kind: Kind::Identify, ..WorkflowSpec::default() };
        let change = WorkflowChange { draft: Some(draft), ..WorkflowChange::default() };
        let edited = scope.update_workflow(made.id, 2, &change, &author(4)).await.expect("changes");
        assert_eq!((edited.published_version, edited.draft.kind), (Some(1), Kind::Identify));
        let running = scope.active_workflows(made.source).await.expect("reads");
        assert_eq!(running[0].published.as_ref(), Some(&first));

        let second = scope.publish_workflow(made.id, 3, &author(5)).await.expect("publishes");
        assert_eq!((second.version, second.spec.kind), (2, Kind::Identify));
        assert_eq!(scope.workflow_version(made.id, 1).await.as_ref(), Ok(&first), "versions never change");
        let versions = scope.workflow_versions(made.id, Page::first(1)).await.expect("lists");
        assert_eq!((versions.items, versions.next), (vec![second], Some(2)));
        let late = scope.publish_workflow(made.id, 3, &author(5)).await;
        assert_eq!(late, Err(StoreError::Conflict { what: "workflow", conflict: Conflict::Revision }));
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
        scope.publish_workflow(made.id, 1, &author(3)).await.expect("publishes");
        scope.unpublish_workflow(made.id, 2, &author(4)).await.expect("unpublishes");
        assert_eq!(scope.active_workflows(made.source).await.expect("reads")[0].published, None);
        let next = scope.publish_workflow(made.id, 3, &author(5)).await.expect("publishes");
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
