//! Agencies and tenants.

use tributary_domain::{id::TenantId, tenant::TenantSettings};
use tributary_store::{
    Conflict, Page, Show, StoreError,
    agency::NewAgency,
    tenant::{NewTenant, TenantChange, TenantState},
};

use crate::support::{author, on_each_database, tenant};

#[tokio::test]
async fn an_update_needs_the_revision_that_is_there() {
    on_each_database(async |database| {
        let store = &database.store;
        let made = tenant(store, 1).await;
        assert_eq!((made.revision, made.config_rev, made.state), (1, 1, TenantState::Active));
        let change = TenantChange { state: Some(TenantState::Suspended), ..TenantChange::default() };
        let changed = store.tenants().update(made.id, 1, &change, &author(5)).await.expect("changes");
        assert_eq!((changed.revision, changed.config_rev, changed.state), (2, 2, TenantState::Suspended));
        assert_eq!(changed.updated_at, author(5).at);
        assert_eq!(store.tenants().get(made.id).await.as_ref(), Ok(&changed));
        let late = store.tenants().update(made.id, 1, &change, &author(6)).await;
        assert_eq!(late, Err(StoreError::Conflict { what: "tenant", conflict: Conflict::Revision }));
        assert_eq!(
            store.tenants().get(made.id).await,
            Ok(changed),
            "nothing of it stays, not even the revision"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_updates_at_once_with_one_revision_one_wins() {
    on_each_database(async |database| {
        let made = tenant(&database.store, 1).await;
        let mut updates = tokio::task::JoinSet::new();
        for number in 0..8 {
            let store = database.store.clone();
            updates.spawn(async move {
                let change =
                    TenantChange { display_name: Some(format!("name {number}")), ..TenantChange::default() };
                store.tenants().update(made.id, 1, &change, &author(5)).await.is_ok()
            });
        }
        let won = updates.join_all().await.into_iter().filter(|won| *won).count();
        assert_eq!(won, 1);
        let found = database.store.tenants().get(made.id).await.expect("is there");
        assert_eq!((found.revision, found.config_rev), (2, 2));
    })
    .await;
}

#[tokio::test]
async fn keys_are_unique_among_what_is_live() {
    on_each_database(async |database| {
        let store = &database.store;
        let first = tenant(store, 1).await;
        let taken = store
            .agencies()
            .create(
                &NewAgency { id: first.agency, key: "agency-1".to_owned(), display_name: String::new() },
                &author(1),
            )
            .await;
        assert_eq!(taken, Err(StoreError::Conflict { what: "agency", conflict: Conflict::Exists }));
        let same_key = NewTenant {
            id: TenantId::new(2, 2),
            agency: first.agency,
            key: first.key.clone(),
            display_name: String::new(),
            settings: TenantSettings::default(),
        };
        let taken = store.tenants().create(&same_key, &author(1)).await;
        assert_eq!(taken, Err(StoreError::Conflict { what: "tenant", conflict: Conflict::Exists }));
        store.tenants().delete(first.id, 1, &author(2)).await.expect("deletes");
        assert_eq!(store.tenants().get(first.id).await, Err(StoreError::NotFound { what: "tenant" }));
        let second = store.tenants().create(&same_key, &author(3)).await.expect("the key is free again");
        assert_eq!(store.tenants().get_by_key(first.agency, &first.key).await, Ok(second));
    })
    .await;
}

#[tokio::test]
async fn tenants_are_listed_by_agency_in_pages() {
    on_each_database(async |database| {
        let store = &database.store;
        for number in 1..=5 {
            tenant(store, number).await;
        }
        let mut seen = Vec::new();
        let mut page = Page::first(2);
        loop {
            let found = store.tenants().list(None, None, Show::Live, page).await.expect("lists");
            seen.extend(found.items.iter().map(|tenant| tenant.id.bits() & 0xff));
            let Some(next) = found.next else { break };
            page = Page::after(next, 2);
        }
        assert_eq!(seen, [1, 2, 3, 4, 5]);
        let agencies = store.agencies().list(Page::first(3)).await.expect("lists");
        assert_eq!((agencies.items.len(), agencies.next.is_some()), (3, true));
        let of_one = store
            .tenants()
            .list(Some(agencies.items[1].id), None, Show::Live, Page::first(9))
            .await
            .expect("lists");
        assert_eq!(of_one.items.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn every_change_is_in_the_audit_log_of_its_tenant() {
    on_each_database(async |database| {
        let store = &database.store;
        let made = tenant(store, 1).await;
        store.tenants().update(made.id, 1, &TenantChange::default(), &author(5)).await.expect("changes");
        let log = store.tenant(made.id).audit_log(Page::first(9)).await.expect("lists");
        let actions: Vec<_> =
            log.items.iter().map(|entry| (entry.action.as_str(), entry.actor.as_str())).collect();
        assert_eq!(actions, [("tenant.update", "test"), ("tenant.create", "test")]);
        assert_eq!(log.items[0].resource, made.id.to_string());
        let newest = store.tenant(made.id).audit_log(Page::first(1)).await.expect("lists");
        let rest = store.tenant(made.id).audit_log(Page::after(newest.items[0].id, 9)).await.expect("lists");
        assert_eq!(rest.items, log.items[1..]);
    })
    .await;
}
