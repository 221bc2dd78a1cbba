//! A tenant's configuration as the actors read it.

use sea_orm::{ActiveModelTrait, ActiveValue::Set};
use tributary_domain::id::TenantId;

use super::sample;
use crate::{
    StoreError,
    entity::destination,
    support::{author, on_each_database, tenant},
};

#[tokio::test]
async fn the_revision_is_read_also_where_the_rest_cannot_be() {
    on_each_database(async |database| {
        let store = &database.store;
        let scope = store.tenant(tenant(store, 1).await.id);
        scope.create_destination(&sample::new_destination(), &author(2)).await.expect("makes");
        assert_eq!(scope.snapshot(sample::source()).await.expect("reads").config_rev, 2);

        let newer = destination::ActiveModel {
            id: Set(sample::destination().to_string()),
            filter: Set(Some(r#"{"nodes": "of a newer build"}"#.to_owned())),
            ..Default::default()
        };
        newer.update(store.writer()).await.expect("writes");
        let refused = scope.snapshot(sample::source()).await.expect_err("it cannot be read");
        assert_eq!(refused, StoreError::Corrupt { what: "destinations.filter" });
        assert!(!refused.is_transient());
        assert_eq!(scope.config_rev().await, Ok(Some(2)));
        assert_eq!(store.tenant(TenantId::new(1, 9)).config_rev().await, Ok(None));
    })
    .await;
}
