//! Requests that may be sent again: on each database, one of those that come at once is done.

use serde_json::json;
use tributary_domain::id::{SourceId, TenantId};
use tributary_store::{
    Page, Show, Store, StoreError,
    audit::Author,
    once::{Once, REMEMBERED},
    source::{NewSource, UrlSecret},
};

use crate::support::{author, on_each_database, tenant};

fn once(body: u8) -> Once {
    Once {
        caller: "somebody".to_owned(),
        method: "CreateSource",
        request_id: "an-id".to_owned(),
        body_hash: [body; 32],
        answer: None,
    }
}

/// Makes source `number` by this request.
async fn make(store: &Store, tenant: TenantId, number: u128, by: Author) -> Result<SourceId, StoreError> {
    let new = NewSource {
        id: SourceId::from_bits(number),
        key: format!("source-{number}"),
        display_name: "Source".to_owned(),
        provider: "custom".to_owned(),
        settings: json!({}),
        signing_keys: Vec::new(),
        body_limit: 1,
        secret: UrlSecret::of(&format!("the secret {number}")),
    };
    store.tenant(tenant).create_source(&new, &by).await.map(|made| made.id)
}

#[tokio::test(flavor = "multi_thread")]
async fn of_twins_one_is_made_and_the_others_are_told_which() {
    on_each_database(async |database| {
        let tenant = tenant(&database.store, 1).await.id;
        let mut twins = tokio::task::JoinSet::new();
        for number in 1..=8 {
            let store = database.store.clone();
            twins.spawn(async move { make(&store, tenant, number, author(5).once(once(1))).await });
        }
        let (mut made, mut told) = (Vec::new(), Vec::new());
        for outcome in twins.join_all().await {
            match outcome {
                Ok(source) => made.push(source),
                Err(StoreError::Repeated(before)) => told.push(before),
                Err(error) => panic!("{error:?}"),
            }
        }
        assert_eq!((made.len(), told.len()), (1, 7));
        let scope = database.store.tenant(tenant);
        let secret = format!("the secret {}", made[0].bits());
        for before in &told {
            assert_eq!(before.resource, made[0].to_string());
            assert_eq!(scope.repeated_answer(&once(1), before), Ok(secret.clone()));
        }
        assert!(!format!("{told:?}").contains("the secret"));
        assert_eq!(scope.sources(Show::All, Page::first(9)).await.expect("lists").items.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn another_body_is_refused_and_after_a_day_the_id_is_free() {
    on_each_database(async |database| {
        let store = &database.store;
        let tenant = tenant(store, 1).await.id;
        make(store, tenant, 1, author(5).once(once(1))).await.expect("makes");
        let other = make(store, tenant, 2, author(6).once(once(2))).await;
        assert_eq!(other, Err(StoreError::RequestIdReused));
        let somebody_else = Once { caller: "somebody else".to_owned(), ..once(2) };
        make(store, tenant, 3, author(6).once(somebody_else)).await.expect("has ids of its own");
        let failed =
            make(store, tenant, 3, author(7).once(Once { request_id: "new".to_owned(), ..once(3) })).await;
        assert!(matches!(failed, Err(StoreError::Conflict { .. })), "{failed:?}");
        make(store, tenant, 4, author(8).once(Once { request_id: "new".to_owned(), ..once(4) }))
            .await
            .expect("what failed is not remembered");
        let tomorrow = |micros: u64| {
            let at = author(5).at.plus(REMEMBERED).minus(std::time::Duration::from_micros(micros));
            Author::new("test", at).once(once(2))
        };
        assert_eq!(make(store, tenant, 5, tomorrow(1)).await, Err(StoreError::RequestIdReused));
        make(store, tenant, 5, tomorrow(0)).await.expect("is free");
    })
    .await;
}

#[tokio::test]
async fn what_another_tenants_request_made_is_not_told() {
    on_each_database(async |database| {
        let store = &database.store;
        let (one, other) = (tenant(store, 1).await.id, tenant(store, 2).await.id);
        let first = author(5).once(once(1));
        make(store, one, 1, first.clone()).await.expect("makes");
        let (again, at) = (once(1), first.at);
        assert_eq!(store.tenant(one).is_repeated(&again, at).await, Ok(true));
        assert_eq!(store.tenant(other).is_repeated(&again, at).await, Ok(false));
        assert!(matches!(make(store, one, 1, first.clone()).await, Err(StoreError::Repeated(_))));
        assert_eq!(make(store, other, 2, first).await, Err(StoreError::RequestIdReused));
        let own = Once { request_id: "another".to_owned(), ..once(2) };
        make(store, other, 2, author(6).once(own)).await.expect("has ids of its own");
    })
    .await;
}
