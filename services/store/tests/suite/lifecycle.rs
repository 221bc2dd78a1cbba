//! Deleting and bringing back: what comes back is what was deleted.

use std::{
    collections::{BTreeMap, HashSet},
    time::Duration,
};

use serde_json::json;
use tributary_domain::{
    id::{DestinationId, SourceId, WorkflowId},
    workflow::spec::WorkflowSpec,
};
use tributary_store::{
    Conflict, Page, Secret, Show, Store, StoreError, TenantScope,
    audit::Author,
    destination::NewDestination,
    lifecycle::{GRACE, Preview},
    source::{NewSource, UrlSecret},
    workflow::NewWorkflow,
};

use crate::support::{author, on_each_database, tenant};

fn first_source() -> SourceId {
    SourceId::from_bits(1)
}

fn first_destination() -> DestinationId {
    DestinationId::from_bits(1)
}

fn source(number: u128) -> NewSource {
    NewSource {
        id: SourceId::from_bits(number),
        key: "source".to_owned(),
        display_name: "Source".to_owned(),
        provider: "custom".to_owned(),
        settings: json!({}),
        signing_keys: vec![Secret::new("key")],
        body_limit: 4_096,
        secret: UrlSecret::of(&format!("secret {number}")),
    }
}

fn workflow(number: u128, of: u128, key: &str) -> NewWorkflow {
    NewWorkflow {
        id: WorkflowId::from_bits(number),
        source: SourceId::from_bits(of),
        key: key.to_owned(),
        display_name: "Workflow".to_owned(),
        sort_order: 0,
        delay: Duration::ZERO,
        draft: WorkflowSpec::default(),
        sample_message: None,
    }
}

fn destination(number: u128) -> NewDestination {
    NewDestination {
        id: DestinationId::from_bits(number),
        key: "destination".to_owned(),
        display_name: "Destination".to_owned(),
        platform: "webhook".to_owned(),
        settings: json!({}),
        secrets: BTreeMap::from([("signing".to_owned(), Secret::new("secret"))]),
        filter: None,
        consent: None,
        event_names: BTreeMap::new(),
    }
}

/// A tenant with a source that has two workflows, the first of them published.
async fn furnished(store: &Store) -> TenantScope<'_> {
    let scope = store.tenant(tenant(store, 1).await.id);
    scope.create_source(&source(1), &author(2)).await.expect("makes");
    for (number, key) in [(1, "one"), (2, "two")] {
        scope.create_workflow(&workflow(number, 1, key), &author(2)).await.expect("makes");
    }
    scope.publish_workflow(WorkflowId::from_bits(1), 1, "", &author(3)).await.expect("publishes");
    scope
}

/// The last moment at which what was deleted at second 10 can be brought back, and the next one.
fn last_chance() -> (Author, Author) {
    let end = author(10).at.plus(GRACE);
    (Author::new("test", end.minus(Duration::from_micros(1))), Author::new("test", end))
}

#[tokio::test]
async fn a_source_comes_back_with_its_url_its_keys_and_its_workflows() {
    on_each_database(async |database| {
        let scope = furnished(&database.store).await;
        let door = scope.door_source(first_source()).await.expect("has a door");
        let running = scope.active_workflows(first_source()).await.expect("reads");
        // This one was deleted before, and stays so.
        scope.delete_workflow(WorkflowId::from_bits(2), 1, &author(9)).await.expect("deletes");
        let preview = scope.preview_delete_source(first_source()).await.expect("counts");
        assert_eq!(preview, Preview { workflows: 1, workflow_versions: 1, ..Preview::default() });

        let deleted = scope.delete_source(first_source(), 1, &author(10)).await.expect("deletes");
        assert_eq!((deleted.deleted_at, deleted.revision), (Some(author(10).at), 2));
        let first = scope.workflow(WorkflowId::from_bits(1)).await;
        assert_eq!(first, Err(StoreError::NotFound { what: "workflow" }));
        assert_eq!(
            scope.active_workflows(first_source()).await.expect("reads"),
            running[..1],
            "what was accepted before is still processed"
        );
        let alone = scope.undelete_workflow(WorkflowId::from_bits(1), None, &author(11)).await;
        let refused = StoreError::Conflict { what: "workflow", conflict: Conflict::ParentDeleted };
        assert_eq!(alone, Err(refused));

        let (in_time, late) = last_chance();
        let stale = scope.undelete_source(first_source(), Some(1), &in_time).await;
        assert_eq!(stale, Err(StoreError::Conflict { what: "source", conflict: Conflict::Revision }));
        let too_late = scope.undelete_source(first_source(), Some(2), &late).await;
        assert_eq!(too_late, Err(StoreError::NotFound { what: "source" }));
        let back = scope.undelete_source(first_source(), Some(2), &in_time).await.expect("comes back");
        assert_eq!((back.deleted_at, back.revision), (None, 3));
        assert_eq!(scope.door_source(first_source()).await, Ok(door));
        assert_eq!(scope.active_workflows(first_source()).await.expect("reads"), running[..1]);
        let again = scope.undelete_source(first_source(), None, &in_time).await;
        assert_eq!(again, Err(StoreError::Conflict { what: "source", conflict: Conflict::Live }));

        let second = scope.undelete_workflow(WorkflowId::from_bits(2), None, &author(11)).await;
        assert_eq!(second.expect("comes back").deleted_at, None);
        assert_eq!(scope.active_workflows(first_source()).await.expect("reads"), running);
    })
    .await;
}

#[tokio::test]
async fn what_lost_its_key_meanwhile_does_not_come_back_and_says_which() {
    on_each_database(async |database| {
        let scope = furnished(&database.store).await;
        scope.delete_source(first_source(), 1, &author(10)).await.expect("deletes");
        scope.create_source(&source(2), &author(11)).await.expect("its key is free");
        let taken = |what, key: &str| Err(StoreError::KeyTaken { what, key: key.to_owned() });
        let refused = scope.undelete_source(first_source(), None, &author(12)).await;
        assert_eq!(refused.map(|_| ()), taken("source", "source"));
        scope.delete_source(SourceId::from_bits(2), 1, &author(12)).await.expect("deletes");

        scope
            .create_source(&NewSource { key: "other".to_owned(), ..source(3) }, &author(12))
            .await
            .expect("makes");
        scope.create_workflow(&workflow(3, 3, "two"), &author(12)).await.expect("its key is free");
        let refused = scope.undelete_source(first_source(), None, &author(13)).await;
        assert_eq!(refused.map(|_| ()), taken("workflow", "two"));
        assert!(scope.source(first_source()).await.is_err(), "nothing of it came back");
        scope.delete_workflow(WorkflowId::from_bits(3), 1, &author(13)).await.expect("deletes");
        scope.undelete_source(first_source(), None, &author(14)).await.expect("comes back");
        let refused = scope.undelete_workflow(WorkflowId::from_bits(3), None, &author(15)).await;
        assert_eq!(refused.map(|_| ()), taken("workflow", "two"));
    })
    .await;
}

#[tokio::test]
async fn a_destination_comes_back_with_its_secrets() {
    on_each_database(async |database| {
        let scope = furnished(&database.store).await;
        let made = scope.create_destination(&destination(1), &author(2)).await.expect("makes");
        scope.delete_destination(first_destination(), 1, &author(10)).await.expect("deletes");
        let listed = async |show| scope.destinations(show, Page::first(9)).await.expect("lists").items;
        assert_eq!(listed(Show::Live).await, []);
        assert_eq!(listed(Show::All).await[0].deleted_at, Some(author(10).at));

        scope.create_destination(&destination(2), &author(11)).await.expect("its key is free");
        let refused = scope.undelete_destination(first_destination(), None, &author(12)).await;
        let taken = StoreError::KeyTaken { what: "destination", key: "destination".to_owned() };
        assert_eq!(refused, Err(taken));
        scope.delete_destination(DestinationId::from_bits(2), 1, &author(12)).await.expect("deletes");

        let back =
            scope.undelete_destination(first_destination(), Some(2), &author(13)).await.expect("comes back");
        let expected = tributary_store::destination::DestinationRecord {
            revision: 3,
            updated_at: author(13).at,
            ..made
        };
        assert_eq!(back, expected);
        let secrets = scope.destination_secrets(first_destination()).await.expect("opens");
        assert_eq!(secrets["signing"].expose(), "secret");
    })
    .await;
}

#[tokio::test]
async fn a_tenant_comes_back_with_all_it_had() {
    on_each_database(async |database| {
        let store = &database.store;
        let scope = furnished(store).await;
        scope.create_destination(&destination(1), &author(2)).await.expect("makes");
        let preview = scope.preview_delete().await.expect("counts");
        let expected =
            Preview { sources: 1, workflows: 2, workflow_versions: 1, destinations: 1, ..Preview::default() };
        assert_eq!(preview, expected);
        let made = store.tenants().get(scope.id()).await.expect("is there");
        let deleted = store.tenants().delete(made.id, 1, &author(10)).await.expect("deletes");
        assert_eq!(deleted.deleted_at, Some(author(10).at));
        let own = HashSet::from([made.id]);
        assert_eq!(store.still_held(&own, author(11).at).await, Ok(own.clone()));
        let refused = scope.create_source(&source(2), &author(11)).await;
        assert_eq!(refused.map(|_| ()), Err(StoreError::NotFound { what: "tenant" }));
        let listed = async |show| {
            let page = Page::first(9);
            store.tenants().list(None, None, show, page).await.expect("lists").items.len()
        };
        assert_eq!((listed(Show::Live).await, listed(Show::All).await), (0, 1));

        let (in_time, late) = last_chance();
        let too_late = store.tenants().undelete(made.id, None, &late).await;
        assert_eq!(too_late, Err(StoreError::NotFound { what: "tenant" }));
        let back = store.tenants().undelete(made.id, Some(2), &in_time).await.expect("comes back");
        assert_eq!((back.deleted_at, back.revision, back.config_rev), (None, 3, made.config_rev + 2));
        assert_eq!(store.still_held(&own, author(11).at).await, Ok(HashSet::new()));
        assert_eq!(scope.active_workflows(first_source()).await.expect("reads").len(), 2);
        let again = store.tenants().undelete(made.id, None, &in_time).await;
        assert_eq!(again, Err(StoreError::Conflict { what: "tenant", conflict: Conflict::Live }));
    })
    .await;
}

#[tokio::test]
async fn a_tenant_whose_key_is_taken_does_not_come_back() {
    on_each_database(async |database| {
        let store = &database.store;
        let made = tenant(store, 1).await;
        store.tenants().delete(made.id, 1, &author(10)).await.expect("deletes");
        let other = tributary_store::tenant::NewTenant {
            id: tributary_domain::id::TenantId::new(2, 2),
            agency: made.agency,
            key: made.key.clone(),
            display_name: "Other".to_owned(),
            settings: made.settings.clone(),
        };
        store.tenants().create(&other, &author(11)).await.expect("its key is free");
        let refused = store.tenants().undelete(made.id, None, &author(12)).await;
        assert_eq!(refused, Err(StoreError::KeyTaken { what: "tenant", key: made.key }));
    })
    .await;
}
