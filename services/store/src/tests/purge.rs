//! What is deleted is removed in the end, all of it, and nothing else is.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{ConnectionTrait, DatabaseConnection, EntityTrait, IdenStatic, Iterable, Statement, Value};
use tributary_domain::{
    id::{RejectionId, TenantId},
    time::Timestamp,
};

use super::{
    entities::{insert, row_of, tables},
    sample,
};
use crate::{
    Page, Store,
    delivery::DeliveryState,
    entity::*,
    lifecycle::{GRACE, Gone, Purge, Purged, tables::TENANT_TABLES},
    support::{author, on_each_database, tenant},
};

/// When what is deleted at second 10 is removed, and the moment before.
fn removal() -> (Timestamp, Timestamp) {
    let at = author(10).at.plus(GRACE);
    (at.minus(std::time::Duration::from_micros(1)), at)
}

/// Writes samples as the rows `numbers` of a table, of this tenant and the source of samples.
async fn fill<E: EntityTrait>(
    connection: &DatabaseConnection,
    tenant: TenantId,
    numbers: std::ops::RangeInclusive<i64>,
) {
    for number in numbers {
        let values = E::Column::iter().zip(row_of::<E>(number, false, None));
        let row = values.map(|(column, value)| match column.as_str() {
            "tenant_id" => Value::from(tenant.to_string()),
            "source_id" => Value::from(sample::source().to_string()),
            _ => value,
        });
        insert::<E>(connection, row.collect()).await.expect("a row");
    }
}

macro_rules! fill_all {
    ($connection:expr, $tenant:expr, $numbers:expr, $($entity:ident)+) => {
        $(fill::<$entity::Entity>($connection, $tenant, $numbers).await;)+
    };
}

/// Gives a tenant rows in every table.
async fn populate(store: &Store, tenant: TenantId, numbers: std::ops::RangeInclusive<i64>) {
    fill_all!(
        store.writer(), tenant, numbers.clone(),
        audit_log backtest blocked_identifier browser_context conflict delivery delivery_attempt destination event event_count evidence group group_member
        held_message ledger_command merge never_join operation operation_item message_replay delivery_replay parked_message disclosure erased_profile erasure suppression profile rejected_count rejected_request retention_progress run
        source_secret stats stats_recent tenant_usage trait_name workflow workflow_sample workflow_version
    );
    for number in numbers {
        let number = number.cast_unsigned();
        let message = sample::message(tenant, number);
        let key = dedupe_key::Model {
            key_hash: crate::key::KeyHash::dedupe(tenant, sample::source(), &format!("key {number}"))
                .to_column(),
            message_id: sample::message_id(number).bits().to_be_bytes().to_vec(),
        };
        sample::write::<message::Entity>(store, vec![message]).await;
        sample::write::<dedupe_key::Entity>(store, vec![key]).await;
        sample::write::<connection::Entity>(store, vec![sample::connection(tenant, number)]).await;
        let (conversion, key) = sample::conversion(tenant, number);
        sample::write::<conversion::Entity>(store, vec![conversion]).await;
        sample::write::<conversion_key::Entity>(store, vec![key]).await;
        sample::identify(store, tenant, &[(format!("{number}@example.com").as_str(), 1)]).await;
    }
}

async fn count(connection: &DatabaseConnection, rows: &str) -> i64 {
    let statement =
        Statement::from_string(connection.get_database_backend(), format!("SELECT count(*) FROM {rows}"));
    let row = connection.query_one_raw(statement).await.expect("counts").expect("one row");
    row.try_get_by_index(0).expect("a number")
}

/// How many rows each table has.
async fn counts(connection: &DatabaseConnection) -> BTreeMap<String, i64> {
    let mut counts = BTreeMap::new();
    for table in tables(connection).await {
        let rows = count(connection, &format!("\"{table}\"")).await;
        counts.insert(table, rows);
    }
    counts
}

/// Goes on until there is nothing to remove; what was removed, and in how many steps.
async fn purge(store: &Store, now: Timestamp) -> (Vec<Gone>, usize) {
    let (mut purge, mut gone, mut steps) = (Purge::new(store.clone()), Vec::new(), 0);
    loop {
        match purge.step(now).await.expect("a step") {
            Purged::Nothing => return (gone, steps),
            Purged::Rows(rows) => assert!(rows <= 200, "{rows} rows at once"),
            Purged::All(one) => gone.push(one),
        }
        steps += 1;
    }
}

#[tokio::test]
async fn every_table_with_a_tenant_is_emptied() {
    on_each_database(async |database| {
        let connection = database.store.writer();
        let mut with_tenant = BTreeSet::new();
        for table in tables(connection).await {
            let sql = format!("SELECT tenant_id FROM \"{table}\" LIMIT 1");
            if connection.execute_unprepared(&sql).await.is_ok() {
                with_tenant.insert(table);
            }
        }
        let emptied: BTreeSet<String> = TENANT_TABLES.iter().map(|(table, _)| (*table).to_owned()).collect();
        assert_eq!(with_tenant, emptied);
    })
    .await;
}

#[tokio::test]
async fn a_tenant_is_removed_with_everything_it_had_and_nothing_else_is() {
    on_each_database(async |database| {
        let store = &database.store;
        let (gone, stays) = (tenant(store, 1).await, tenant(store, 2).await);
        populate(store, stays.id, 10_001..=10_003).await;
        let without = counts(store.writer()).await;
        let scope = store.tenant(gone.id);
        scope.create_source(&sample::new_source(), &author(2)).await.expect("makes a source");
        populate(store, gone.id, 1..=230).await;
        let revision = store.tenants().get(gone.id).await.expect("is there").revision;
        store.tenants().delete(gone.id, revision, &author(10)).await.expect("deletes");

        let (before, at) = removal();
        assert_eq!(purge(store, before).await, (Vec::new(), 0));
        let (removed, steps) = purge(store, at).await;
        assert_eq!(removed, [Gone::Tenant(gone.id)]);
        assert!(steps > 2 * 20, "{steps} steps");
        let mut expected = without;
        // Its row and its entries are gone; that it was removed is not.
        *expected.get_mut("tenants").expect("a table") -= 1;
        let left = counts(store.writer()).await;
        assert_eq!(count(store.writer(), "audit_log WHERE action = 'tenant.purge'").await, 1);
        let tenant_row = format!("audit_log WHERE tenant_id = '{}'", gone.id);
        assert_eq!(count(store.writer(), &tenant_row).await, 0);
        expected.insert("audit_log".to_owned(), left["audit_log"]);
        assert_eq!(left, expected);
    })
    .await;
}

#[tokio::test]
async fn a_removal_that_was_cut_off_goes_on_and_cannot_be_taken_back() {
    on_each_database(async |database| {
        let store = &database.store;
        let made = tenant(store, 1).await;
        populate(store, made.id, 1..=3).await;
        store.tenants().delete(made.id, 1, &author(10)).await.expect("deletes");
        let (before, at) = removal();
        let mut cut_off = Purge::new(store.clone());
        for _ in 0..5 {
            cut_off.step(at).await.expect("a step");
        }
        // Not even by a clock that goes back.
        let back = crate::audit::Author::new("test", before);
        let undeleted = store.tenants().undelete(made.id, None, &back).await;
        assert_eq!(undeleted, Err(crate::StoreError::NotFound { what: "tenant" }));
        assert_eq!(purge(store, at).await.0, [Gone::Tenant(made.id)]);
        assert!(store.tenants().get_any(made.id).await.is_err());
    })
    .await;
}

#[tokio::test]
async fn parts_of_a_tenant_are_removed_and_its_log_stays() {
    on_each_database(async |database| {
        let store = &database.store;
        let tenant = tenant(store, 1).await.id;
        let scope = store.tenant(tenant);
        scope.create_source(&sample::new_source(), &author(2)).await.expect("makes");
        scope.connect_source(&sample::new_connection(), &author(2)).await.expect("connects");
        scope.create_workflow(&sample::new_workflow(), &author(2)).await.expect("makes");
        scope.publish_workflow(sample::workflow(), 1, "", &author(2)).await.expect("publishes");
        scope.create_destination(&sample::new_destination(), &author(2)).await.expect("makes");
        sample::write::<message::Entity>(store, vec![sample::message(tenant, 1)]).await;
        sample::write::<run::Entity>(store, vec![sample::run(tenant, 1, "SUCCEEDED")]).await;
        sample::write::<delivery::Entity>(store, vec![sample::delivery(tenant, 1, 1)]).await;
        let rejection = crate::rejected::RejectionRecord {
            id: RejectionId::new(1, 1),
            tenant,
            source: sample::source(),
            at: author(3).at,
            reason: "BODY_TOO_LARGE".to_owned(),
            detail: String::new(),
            http_status: 413,
            headers: Vec::new(),
            body: Vec::new(),
        };
        store.record_rejections(&[rejection], &[]).await.expect("records");
        scope.delete_source(sample::source(), 1, &author(10)).await.expect("deletes");
        scope.delete_destination(sample::destination(), 1, &author(10)).await.expect("deletes");

        let (removed, _) = purge(store, removal().1).await;
        let (source, destination) = (sample::source(), sample::destination());
        assert_eq!(removed, [Gone::Source(tenant, source), Gone::Destination(tenant, destination)]);
        let left = counts(store.writer()).await;
        for table in [
            "sources",
            "source_secrets",
            "rejected_requests",
            "connections",
            "workflows",
            "workflow_versions",
        ] {
            assert_eq!(left[table], 0, "{table}");
        }
        assert_eq!((left["destinations"], left["messages"], left["runs"]), (0, 1, 1));
        let given_up = scope.delivery(sample::delivery_id(1)).await.expect("stays in the log");
        assert_eq!(given_up.state, DeliveryState::Failed);
        assert_eq!(given_up.last_error.as_deref(), Some("the destination was deleted"));
        let log = scope.audit_log(Page::first(2)).await.expect("lists");
        let actions: BTreeSet<_> = log.items.iter().map(|entry| entry.action.as_str()).collect();
        assert_eq!(actions, BTreeSet::from(["destination.purge", "source.purge"]));
    })
    .await;
}
