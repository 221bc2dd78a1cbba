//! Connections: what is kept of them, what the door knows of them, and which are due.

use tributary_domain::{
    id::{SourceId, TenantId},
    time::Timestamp,
};
use tributary_store::{
    Conflict, Secret, StoreError, TenantScope,
    connection::{ConnectionProblem, ConnectionRecord, ConnectionSecrets, Due, NewConnection},
    source::{NewSource, UrlSecret},
};

use crate::support::{author, on_each_database, tenant};

fn source(number: u128) -> SourceId {
    SourceId::new(1, number)
}

async fn make(scope: TenantScope<'_>, number: u128) {
    let new = NewSource {
        id: source(number),
        key: format!("source-{number}"),
        display_name: "Source".to_owned(),
        provider: "calendly".to_owned(),
        settings: serde_json::json!({}),
        signing_keys: vec![Secret::new("own")],
        body_limit: 1 << 20,
        secret: UrlSecret::of(&format!("url {number}")),
    };
    scope.create_source(&new, &author(1)).await.expect("makes");
}

fn new(number: u128, token: &str) -> NewConnection {
    NewConnection {
        source: source(number),
        secrets: ConnectionSecrets {
            token: Secret::new(token),
            signing_key: Secret::new("key of the connection"),
            url: Secret::new(format!("url of connection {number}")),
        },
        organization: "https://api.example.com/organizations/1".to_owned(),
        account: "https://api.example.com/users/1".to_owned(),
        reach: "organization".to_owned(),
        kinds: vec!["invitee.created".to_owned()],
    }
}

#[tokio::test]
async fn a_connection_is_made_kept_changed_and_taken_away() {
    on_each_database(async |database| {
        let scope = database.store.tenant(tenant(&database.store, 1).await.id);
        make(scope, 1).await;
        assert_eq!(scope.connection(source(1)).await, Err(StoreError::NotFound { what: "connection" }));
        let made = scope.connect_source(&new(1, "token one"), &author(2)).await.expect("connects");
        assert_eq!((made.revision, made.check_due, made.checked_at), (1, author(2).at, None));
        assert_eq!(scope.connection(source(1)).await.as_ref(), Ok(&made));
        assert_eq!(scope.connection_secrets(source(1)).await.as_ref(), Ok(&new(1, "token one").secrets));

        let (reason, advice, since) = ("A".to_owned(), "b".to_owned(), author(3).at);
        let problem = ConnectionProblem { reason, advice, since, is_of_looking: true };
        let stands = ConnectionRecord {
            subscriptions: vec!["one".to_owned(), "two".to_owned()],
            problem: Some(problem),
            checked_at: Some(author(3).at),
            check_due: author(9).at,
            missing_since: Some(author(2).at),
            missing_count: 4,
            recovered: 7,
            ..made.clone()
        };
        let saved = scope.save_connection(&stands, author(3).at).await.expect("saves");
        assert_eq!(saved, ConnectionRecord { revision: 2, updated_at: author(3).at, ..stands.clone() });
        let late = scope.save_connection(&stands, author(4).at).await;
        assert_eq!(late, Err(StoreError::Conflict { what: "connection", conflict: Conflict::Revision }));

        // Whoever asks for less than is looked for already changes nothing of that.
        let hurried =
            scope.hurry_connection(source(1), Some(author(5).at), &author(6)).await.expect("hurries");
        assert_eq!((hurried.missing_since, hurried.check_due), (Some(author(2).at), author(6).at));
        assert_eq!(hurried.missing_count, 5, "but that it was asked for");
        let hurried =
            scope.hurry_connection(source(1), Some(author(1).at), &author(7)).await.expect("hurries");
        assert_eq!(hurried.missing_since, Some(author(1).at));
        let hurried = scope.hurry_connection(source(1), None, &author(8)).await.expect("hurries");
        assert_eq!((hurried.missing_since, hurried.recovered), (Some(author(1).at), 7));
        assert_eq!(hurried.missing_count, 6, "this one asked for nothing");

        // Connecting again keeps what is known, and mends what was wrong.
        let again = scope.connect_source(&new(1, "token two"), &author(9)).await.expect("connects");
        assert_eq!((again.problem, again.subscriptions.len(), again.recovered), (None, 2, 7));
        assert_eq!(again.created_at, made.created_at);
        assert_eq!(scope.connection_secrets(source(1)).await.expect("opens").token.expose(), "token two");

        scope.disconnect_source(source(1), &author(10)).await.expect("disconnects");
        let twice = scope.disconnect_source(source(1), &author(11)).await;
        assert_eq!(twice, Err(StoreError::NotFound { what: "connection" }));
        let elsewhere = scope.connect_source(&new(2, "x"), &author(12)).await;
        assert_eq!(elsewhere, Err(StoreError::NotFound { what: "source" }));
    })
    .await;
}

#[tokio::test]
async fn the_door_knows_what_a_connection_adds_and_nobody_reads_its_secrets() {
    on_each_database(async |database| {
        let scope = database.store.tenant(tenant(&database.store, 1).await.id);
        make(scope, 1).await;
        make(scope, 2).await;
        assert_eq!(scope.door_source(source(1)).await.expect("a door").connection, None);
        scope.connect_source(&new(1, "canary token"), &author(2)).await.expect("connects");
        let door = scope.door_source(source(1)).await.expect("a door");
        let (key, hash) = door.connection.clone().expect("a connection");
        assert_eq!(
            (key.expose(), hash),
            ("key of the connection", UrlSecret::hash_of("url of connection 1"))
        );
        assert_eq!(door.signing_keys.len(), 1, "the source's own stay apart");
        let all = database.store.door_sources().await.expect("loads");
        assert_eq!(all.iter().filter(|door| door.connection.is_some()).count(), 1);
        assert!(!format!("{door:?}").contains("key of"));
        let told =
            database.count("SELECT count(*) AS found FROM audit_log WHERE detail LIKE '%canary%'").await;
        let kept = database
            .count("SELECT count(*) AS found FROM connections WHERE CAST(secrets AS TEXT) LIKE '%canary%'");
        assert_eq!((told, kept.await), (0, 0));
    })
    .await;
}

#[tokio::test]
async fn those_that_are_due_are_found_with_what_was_deleted() {
    on_each_database(async |database| {
        let store = &database.store;
        let scope = store.tenant(tenant(store, 1).await.id);
        let other = store.tenant(tenant(store, 2).await.id);
        assert_eq!(store.next_connection_due().await, Ok(None));
        for number in [1, 2, 3] {
            make(scope, number).await;
            let second = 10 - i64::try_from(number).expect("small");
            scope.connect_source(&new(number, "x"), &author(second)).await.expect("connects");
        }
        make(other, 4).await;
        other.connect_source(&new(4, "x"), &author(20)).await.expect("connects");
        scope.delete_source(source(2), 1, &author(12)).await.expect("deletes");
        let due = |tenant: TenantId, number: u128, is_deleted: bool| Due {
            tenant,
            source: source(number),
            is_deleted,
        };
        assert_eq!(store.next_connection_due().await, Ok(Some(author(7).at)));
        assert_eq!(store.due_connections(author(6).at, 9).await, Ok(Vec::new()));
        let (one, two) = (scope.id(), other.id());
        let found = store.due_connections(author(19).at, 9).await.expect("finds");
        assert_eq!(found, [due(one, 3, false), due(one, 2, true), due(one, 1, false)]);
        assert_eq!(store.due_connections(author(20).at, 2).await.expect("finds").len(), 2);
        let revision = store.tenants().get(two).await.expect("a tenant").revision;
        store.tenants().delete(two, revision, &author(21)).await.expect("deletes");
        let found = store.due_connections(Timestamp::from_seconds(30), 9).await.expect("finds");
        assert_eq!(found.last(), Some(&due(two, 4, true)));
    })
    .await;
}
