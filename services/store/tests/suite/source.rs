//! Sources, their secrets and their doors.

use serde_json::json;
use tributary_domain::{id::SourceId, time::Timestamp};
use tributary_store::{
    Conflict, Page, Sealer, Secret, Show, Store, StoreError, StoreOptions,
    source::{NewSource, SourceChange, UrlSecret},
};

use crate::support::{author, on_each_database, tenant};

fn new_source(number: u128) -> NewSource {
    NewSource {
        id: SourceId::new(1, number),
        key: format!("source-{number}"),
        display_name: "Source".to_owned(),
        provider: "calendly".to_owned(),
        settings: json!({ "tolerance_seconds": 180 }),
        signing_keys: Vec::new(),
        body_limit: 1 << 20,
        secret: UrlSecret::of(&format!("url secret {number}")),
    }
}

#[tokio::test]
async fn a_source_is_made_read_changed_and_deleted() {
    on_each_database(async |database| {
        let store = &database.store;
        let scope = store.tenant(tenant(store, 1).await.id);
        let made = scope.create_source(&new_source(1), &author(2)).await.expect("makes");
        assert!(!made.is_signed);
        assert_eq!(scope.source(made.id).await.as_ref(), Ok(&made));
        assert_eq!(scope.source_by_key("source-1").await.as_ref(), Ok(&made));
        let again = scope.create_source(&new_source(1), &author(2)).await;
        assert_eq!(again, Err(StoreError::Conflict { what: "source", conflict: Conflict::Exists }));

        let change = SourceChange {
            display_name: Some("Bookings".to_owned()),
            signing_keys: Some(vec![Secret::new("key")]),
            ..SourceChange::default()
        };
        let changed = scope.update_source(made.id, 1, &change, &author(3)).await.expect("changes");
        assert_eq!(
            (changed.display_name.as_str(), changed.is_signed, changed.revision),
            ("Bookings", true, 2)
        );
        assert_eq!(changed.settings, made.settings);
        let late = scope.update_source(made.id, 1, &change, &author(3)).await;
        assert_eq!(late, Err(StoreError::Conflict { what: "source", conflict: Conflict::Revision }));

        scope.delete_source(made.id, 2, &author(4)).await.expect("deletes");
        assert_eq!(scope.source(made.id).await, Err(StoreError::NotFound { what: "source" }));
        assert!(scope.sources(Show::Live, Page::first(9)).await.expect("lists").items.is_empty());
        assert!(scope.door_source(made.id).await.expect("its door still answers").is_deleted);
        assert_eq!(store.tenants().get(scope.id()).await.expect("is there").config_rev, 4);
    })
    .await;
}

#[tokio::test]
async fn the_door_knows_keys_and_secrets_and_old_ones_overlap() {
    on_each_database(async |database| {
        let store = &database.store;
        let scope = store.tenant(tenant(store, 1).await.id);
        let new = NewSource { signing_keys: vec![Secret::new("one"), Secret::new("two")], ..new_source(1) };
        scope.create_source(&new, &author(2)).await.expect("makes");
        scope.create_source(&new_source(2), &author(2)).await.expect("makes");
        let until = Timestamp::from_seconds(100);
        let rotate = async |secret: &str, until: Timestamp, second: i64| {
            scope.rotate_source_secret(new.id, &UrlSecret::of(secret), until, &author(second)).await
        };
        rotate("second", until, 3).await.expect("rotates");
        rotate("third", Timestamp::from_seconds(200), 4).await.expect("rotates");
        let taken = rotate("url secret 2", until, 5).await;
        assert_eq!(taken, Err(StoreError::Conflict { what: "source secret", conflict: Conflict::Exists }));

        let doors = store.door_sources().await.expect("loads");
        assert_eq!(doors.len(), 2);
        let door = doors.iter().find(|door| door.source == new.id).expect("is there");
        assert_eq!(door.signing_keys.iter().map(Secret::expose).collect::<Vec<_>>(), ["one", "two"]);
        let expiry = |secret: &str| {
            let hash = UrlSecret::hash_of(secret);
            door.secrets.iter().find(|(known, _)| *known == hash).expect("is known").1
        };
        assert_eq!(expiry("url secret 1"), Some(until), "an earlier end is not put off");
        assert_eq!(expiry("second"), Some(Timestamp::from_seconds(200)));
        assert_eq!(expiry("third"), None);
        assert_eq!(scope.door_source(new.id).await.as_ref(), Ok(door));
        let listed = scope.source_secrets(new.id).await.expect("lists");
        assert_eq!(
            listed.iter().map(|secret| secret.prefix.as_str()).collect::<Vec<_>>(),
            ["third", "second", "url se"]
        );
        assert!(!format!("{door:?}").contains("\"one\""));
    })
    .await;
}

#[tokio::test]
async fn with_another_master_key_the_door_does_not_open() {
    on_each_database(async |database| {
        let scope = database.store.tenant(tenant(&database.store, 1).await.id);
        let new = NewSource { signing_keys: vec![Secret::new("one")], ..new_source(1) };
        scope.create_source(&new, &author(2)).await.expect("makes");
        let other = Store::open(&database.url, StoreOptions::new(Sealer::new([9; 32]))).await.expect("opens");
        let refused = other.door_sources().await.expect_err("is not opened");
        assert!(refused.to_string().contains("master key"), "{refused}");
        other.close().await.expect("closes");
    })
    .await;
}

#[tokio::test]
async fn nothing_is_made_in_a_tenant_that_is_not_there() {
    on_each_database(async |database| {
        let scope = database.store.tenant(tributary_domain::id::TenantId::new(9, 9));
        let refused = scope.create_source(&new_source(1), &author(2)).await;
        assert_eq!(refused, Err(StoreError::NotFound { what: "tenant" }));
        assert_eq!(database.store.door_sources().await, Ok(Vec::new()));
    })
    .await;
}
