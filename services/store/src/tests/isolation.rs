//! Nothing of one tenant is found from another (invariant 7): every call that takes an id is given another's.

use std::fmt::Debug;

use tributary_domain::{
    id::{BlockId, CommandId, ConflictId, ConversionId, MergeId, OperationId, SourceId, WorkflowId},
    identity::IdentifierType,
    time::Timestamp,
};

use super::sample;
use crate::{
    Page, Paged, Show, StoreError, TenantScope,
    conversion::ConversionFilter,
    delivery::DeliveryFilter,
    destination::{DestinationChange, DestinationState},
    entity::*,
    event::EventFilter,
    lifecycle::Preview,
    message::MessageFilter,
    operation::{Choice, NewOperation, OperationFilter, OperationState},
    run::RunFilter,
    search::{Search, TextPattern},
    source::{SourceChange, UrlSecret},
    support::{Database, author, on_each_database, tenant},
    workflow::{Earlier, WorkflowChange},
};

fn is_absent<T: Debug>(result: Result<T, StoreError>, what: &str) {
    match result {
        Err(StoreError::NotFound { .. }) => {}
        other => panic!("{what}: {other:?}"),
    }
}

fn is_empty<T>(result: Result<Vec<T>, StoreError>, what: &str) {
    assert_eq!(result.map(|rows| rows.len()), Ok(0), "{what}");
}

fn is_blank<T, K>(result: Result<Paged<T, K>, StoreError>, what: &str) {
    is_empty(result.map(|page| page.items), what);
}

/// Fills every table that a scope reads.
pub(super) async fn fill(database: &Database, scope: TenantScope<'_>) {
    let (store, tenant) = (&database.store, scope.id());
    configure(scope).await;
    sample::write::<message::Entity>(store, vec![sample::message(tenant, 1)]).await;
    sample::write::<run::Entity>(store, vec![sample::run(tenant, 1, "SUCCEEDED")]).await;
    sample::write::<event::Entity>(store, vec![sample::event(tenant, 1, sample::profile(1))]).await;
    sample::write::<event_count::Entity>(store, vec![sample::event_count(tenant, "Booked", 1)]).await;
    let noted = trait_name::Model { tenant_id: tenant.to_string(), name: "email".to_owned(), first_at: 1 };
    sample::write::<trait_name::Entity>(store, vec![noted]).await;
    sample::write::<profile::Entity>(store, vec![sample::person(tenant, 1, None)]).await;
    let replay = message_replay::Model {
        tenant_id: tenant.to_string(),
        message_id: sample::message_id(1).to_string(),
        position: 1,
        operation_id: OperationId::new(1, 1).to_string(),
        asked_at: 1,
        replayed_at: None,
        before: None,
    };
    sample::write::<message_replay::Entity>(store, vec![replay]).await;
    sample::identify(store, tenant, &[("a@example.com", 1)]).await;
    sample::write::<merge::Entity>(store, vec![sample::merge(tenant, 2, 1, 1)]).await;
    sample::decide(store, tenant).await;
    sample::write::<delivery::Entity>(store, vec![sample::delivery(tenant, 1, 1)]).await;
    sample::write::<parked_message::Entity>(store, vec![sample::parked(tenant, 1)]).await;
    sample::write::<held_message::Entity>(store, vec![sample::held(tenant, 1)]).await;
    sample::write::<connection::Entity>(store, vec![sample::connection(tenant, 1)]).await;
    let (conversion, key) = sample::conversion(tenant, 1);
    sample::write::<conversion::Entity>(store, vec![conversion]).await;
    sample::write::<conversion_key::Entity>(store, vec![key]).await;
    sample::write::<request_id::Entity>(store, vec![sample::request_id(tenant)]).await;
}

async fn configure(scope: TenantScope<'_>) {
    let author = author(2);
    scope.create_source(&sample::new_source(), &author).await.expect("makes a source");
    scope.create_workflow(&sample::new_workflow(), &author).await.expect("makes a workflow");
    scope.publish_workflow(sample::workflow(), 1, "", &author).await.expect("publishes");
    scope.create_destination(&sample::new_destination(), &author).await.expect("makes a destination");
    let nothing = serde_json::json!({});
    scope.enqueue_command(CommandId::new(1, 1), "NOTHING", &nothing, &author).await.expect("enqueues");
}

#[tokio::test]
async fn another_tenants_configuration_is_neither_read_nor_changed() {
    on_each_database(async |database| {
        let owner = database.store.tenant(tenant(&database.store, 1).await.id);
        let other = database.store.tenant(tenant(&database.store, 2).await.id);
        configure(owner).await;
        let (source, workflow, destination) = (sample::source(), sample::workflow(), sample::destination());
        is_absent(other.source(source).await, "source");
        is_absent(other.source_by_key("source").await, "source_by_key");
        is_absent(other.door_source(source).await, "door_source");
        is_blank(other.sources(Show::All, Page::first(9)).await, "sources");
        is_empty(other.source_secrets(source).await, "source_secrets");
        let connected = owner.connect_source(&sample::new_connection(), &author(2)).await.expect("connects");
        is_absent(other.connection(source).await, "connection");
        is_absent(other.connection_secrets(source).await, "connection_secrets");
        is_absent(other.connect_source(&sample::new_connection(), &author(3)).await, "connect_source");
        is_absent(other.save_connection(&connected, author(3).at).await, "save_connection");
        is_absent(other.hurry_connection(source, None, &author(3)).await, "hurry_connection");
        is_absent(other.disconnect_source(source, &author(3)).await, "disconnect_source");
        assert_eq!(owner.connection(source).await.as_ref(), Ok(&connected));
        is_absent(other.workflow(workflow).await, "workflow");
        is_absent(other.workflow_by_key("workflow").await, "workflow_by_key");
        is_blank(other.workflows(None, Show::All, Page::first(9)).await, "workflows");
        is_absent(other.workflow_version(workflow, 1).await, "workflow_version");
        is_blank(other.workflow_versions(workflow, Page::first(9)).await, "workflow_versions");
        is_empty(other.active_workflows(source).await, "active_workflows");
        is_absent(other.destination(destination).await, "destination");
        is_absent(other.destination_secrets(destination).await, "destination_secrets");
        is_blank(other.destinations(Show::All, Page::first(9)).await, "destinations");
        is_absent(other.command(CommandId::new(1, 1)).await, "command");

        let author = author(3);
        let operation = OperationId::new(1, 1);
        let choice = Choice::Deliveries { only: vec![sample::delivery_id(1)], filter: Box::default() };
        let new = NewOperation { id: operation, request: Vec::new(), choice };
        let begun = owner.create_operation(&new, &author).await.expect("begins");
        is_absent(other.operation(operation).await, "operation");
        is_blank(other.operations(OperationFilter::default(), Page::first(9)).await, "operations");
        is_absent(other.cancel_operation(operation, &author).await, "cancel_operation");
        other.choose_items(&begun, author.at).await.expect("changes nothing");
        assert_eq!(other.replay_deliveries(operation, 9, author.at).await, Ok(None));
        other
            .end_operation(operation, OperationState::Failed, None, author.at)
            .await
            .expect("changes nothing");
        assert_eq!(other.backtest_progress(operation, 9, author.at).await, Ok(false));
        let report = tributary_domain::backtest::Report::default();
        other.end_backtest(operation, &report, 9, author.at).await.expect("changes nothing");
        assert_eq!(other.backtest_report(operation).await, Ok(None));
        assert_eq!(owner.operation(operation).await.map(|found| found.revision), Ok(1));

        is_absent(other.update_source(source, 1, &SourceChange::default(), &author).await, "update_source");
        is_absent(other.delete_source(source, 1, &author).await, "delete_source");
        is_absent(other.undelete_source(source, None, &author).await, "undelete_source");
        is_absent(other.any_source(source).await, "any_source");
        let secret = UrlSecret::of("another secret");
        let rotated = other.rotate_source_secret(source, &secret, Timestamp::from_seconds(9), &author).await;
        is_absent(rotated, "rotate_source_secret");
        let theirs = crate::workflow::NewWorkflow { id: WorkflowId::new(1, 2), ..sample::new_workflow() };
        is_absent(other.create_workflow(&theirs, &author).await, "create_workflow for their source");
        is_absent(
            other.update_workflow(workflow, 2, &WorkflowChange::default(), &author).await,
            "update_workflow",
        );
        is_absent(other.publish_workflow(workflow, 2, "", &author).await, "publish_workflow");
        is_absent(other.unpublish_workflow(workflow, 2, &author).await, "unpublish_workflow");
        let earlier = Earlier { version: 1, replaces_draft: false, note: "" };
        is_absent(other.roll_back_workflow(workflow, 2, earlier, &author).await, "roll_back_workflow");
        is_absent(other.delete_workflow(workflow, 2, &author).await, "delete_workflow");
        is_absent(other.undelete_workflow(workflow, None, &author).await, "undelete_workflow");
        is_absent(other.any_workflow(workflow).await, "any_workflow");
        let change = DestinationChange::default();
        is_absent(other.update_destination(destination, 1, &change, &author).await, "update_destination");
        is_absent(other.delete_destination(destination, 1, &author).await, "delete_destination");
        is_absent(other.undelete_destination(destination, None, &author).await, "undelete_destination");
        is_absent(other.any_destination(destination).await, "any_destination");
        assert_eq!(other.preview_delete().await, Ok(Preview::default()));
        assert_eq!(other.preview_delete_source(source).await, Ok(Preview::default()));
        assert_eq!(other.preview_delete_workflow(workflow).await, Ok(Preview::default()));
        let paused =
            other.set_destination_state(destination, None, DestinationState::Paused, "", &author).await;
        is_absent(paused, "set_destination_state");
        assert_eq!(owner.source(source).await.map(|source| source.revision), Ok(1));
        assert_eq!(owner.destination(destination).await.map(|destination| destination.revision), Ok(1));
    })
    .await;
}

#[tokio::test]
async fn another_tenants_log_and_people_are_not_read() {
    on_each_database(async |database| {
        let owner = database.store.tenant(tenant(&database.store, 1).await.id);
        let other = database.store.tenant(tenant(&database.store, 2).await.id);
        fill(database, owner).await;
        let (message, delivery, event) = (sample::message_id(1), sample::delivery_id(1), sample::event_id(1));
        is_absent(other.message(message).await, "message");
        is_blank(other.messages(&MessageFilter::of(sample::source()), Page::first(9)).await, "messages");
        is_blank(other.runs(&RunFilter::of(sample::workflow()), Page::first(9)).await, "runs");
        is_empty(other.message_replays(message).await, "message_replays");
        is_empty(other.message_runs(message, &[sample::workflow()]).await, "message_runs");
        is_absent(other.event(event).await, "event");
        is_empty(other.events_by_id(&[event]).await, "events_by_id");
        is_empty(other.message_events(message).await, "message_events");
        is_blank(other.events(&EventFilter::default(), Page::first(9)).await, "events");
        is_blank(other.event_names(None, Page::first(9)).await, "event_names");
        is_blank(other.event_names(Some(sample::source()), Page::first(9)).await, "event_names of a source");
        is_blank(other.trait_names(Page::first(9)).await, "trait_names");
        is_absent(other.profile(sample::profile(1)).await, "profile");
        let email = IdentifierType::parse("email").expect("a type");
        assert_eq!(other.profile_by_identifier(&email, "a@example.com").await, Ok(None));
        is_blank(other.profiles(Page::first(9)).await, "profiles");
        is_blank(other.conflicts(None, Page::first(9)).await, "conflicts");
        is_blank(other.conflicts_of(&[sample::profile(1)], Page::first(9)).await, "a person's conflicts");
        is_absent(other.conflict(ConflictId::new(1, 1)).await, "a conflict");
        is_blank(other.merges(None, Page::first(9)).await, "merges");
        is_absent(other.merges(Some(sample::profile(1)), Page::first(9)).await, "a person's merges");
        is_absent(other.merge(MergeId::new(1, 2)).await, "a merge");
        is_absent(other.timeline(sample::profile(1), Page::first(9)).await, "a timeline");
        is_blank(other.never_join_pairs(Page::first(9)).await, "never-join pairs");
        is_absent(other.never_join_pair(sample::pair()).await, "a never-join pair");
        is_blank(other.blocked_identifiers(Page::first(9)).await, "blocked values");
        is_absent(other.blocked_identifier(BlockId::new(1, 1)).await, "a blocked value");
        is_absent(other.blocked_value("email", "a@example.com").await, "a blocked value by itself");
        is_absent(other.conversion(ConversionId::derived(message, &[])).await, "conversion");
        is_blank(other.conversions(ConversionFilter::default(), Page::first(9)).await, "conversions");
        assert_eq!(other.conversion_by_key(None, "key 1").await, Ok(None));
        is_absent(other.delivery(delivery).await, "delivery");
        is_blank(other.deliveries(&DeliveryFilter::default(), Page::first(9)).await, "deliveries");
        let searched = Search {
            owners: Some(vec![sample::profile(1)]),
            texts: vec![TextPattern::new("a").expect("a pattern")],
            ..Search::default()
        };
        for search in [searched.clone(), Search { owners: None, ..searched }] {
            let messages = MessageFilter { search: search.clone(), ..MessageFilter::of(sample::source()) };
            is_blank(other.messages(&messages, Page::first(9)).await, "messages searched");
            let runs = RunFilter { search: search.clone(), ..RunFilter::of(sample::workflow()) };
            is_blank(other.runs(&runs, Page::first(9)).await, "runs searched");
            let deliveries = DeliveryFilter { search, ..DeliveryFilter::default() };
            is_blank(other.deliveries(&deliveries, Page::first(9)).await, "deliveries searched");
        }
        is_empty(other.owners(&email, "a@example.com").await, "owners");
        is_empty(other.message_deliveries(message).await, "message_deliveries");
        is_empty(other.delivery_attempts(delivery).await, "delivery_attempts");
        let now = Timestamp::from_seconds(9);
        is_blank(
            other.pending_deliveries(sample::destination(), now, Page::first(9)).await,
            "pending_deliveries",
        );
        let preview = other.preview_delete_destination(sample::destination()).await;
        assert_eq!(preview, Ok(Preview::default()));
        is_absent(other.parked_message(message).await, "parked_message");
        is_blank(other.parked_messages(Page::first(9)).await, "parked_messages");
        assert_eq!(other.held_message(message).await, Ok(None));
        is_blank(other.held_messages(Page::first(9)).await, "held_messages");
        is_blank(other.rejections(&[SourceId::new(1, 1)], Page::first(9)).await, "rejections");
        is_empty(other.rejection_counts(&[SourceId::new(1, 1)]).await, "rejection_counts");
        let log = other.audit_log(Page::first(9)).await.expect("lists");
        assert!(log.items.iter().all(|entry| entry.tenant == Some(other.id())), "audit_log");
    })
    .await;
}
