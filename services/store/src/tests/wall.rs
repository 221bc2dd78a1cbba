//! The second wall: on Postgres, a statement that forgets to ask for its tenant finds nothing of others all the same.

use std::collections::BTreeSet;

use sea_orm::{ConnectionTrait, Database as Connect, DbBackend, Statement};
use tributary_migrations::TENANT_ROLE;

use super::isolation::fill;
use crate::{
    Lane, Store, StoreError, TenantScope,
    support::{Database, tenant},
    txn::Txn,
};

const RLS: &str = "SELECT relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid \
    WHERE relkind IN ('r', 'p') AND relnamespace = current_schema()::regnamespace AND attname = 'tenant_id' AND relrowsecurity";
const WITH_TENANT: &str = "SELECT DISTINCT table_name::text FROM information_schema.columns \
    JOIN pg_class ON oid = to_regclass(quote_ident(table_name)) AND NOT relispartition \
    WHERE table_schema = current_schema() AND column_name = 'tenant_id'";
/// What the role may do with tables that have no rules.
const WITHOUT_RULES: &str = "SELECT DISTINCT table_name || ' ' || privilege_type FROM information_schema.role_table_grants \
    JOIN pg_class ON relname = table_name AND NOT relrowsecurity WHERE grantee = 'tributary_tenant'";

/// A Postgres database; none where there is no server.
async fn postgres() -> Option<Database> {
    let database = Database::fresh("postgres").await;
    if database.is_none() {
        println!("not run: TRIBUTARY_TEST_POSTGRES is not set");
    }
    database
}

async fn names(connection: &impl ConnectionTrait, sql: &str) -> BTreeSet<String> {
    let rows =
        connection.query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await.expect("reads");
    rows.into_iter().map(|row| row.try_get_by_index(0).expect("a text")).collect()
}

async fn count(connection: &impl ConnectionTrait, sql: &str) -> i64 {
    let row =
        connection.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await.expect("reads");
    row.expect("a count").try_get_by_index(0).expect("a number")
}

/// What becomes of a statement behind the wall of `scope`.
async fn write(scope: TenantScope<'_>, sql: &str) -> Result<u64, StoreError> {
    let work = |txn: Txn| async move { Ok(txn.execute_unprepared(sql).await?.rows_affected()) };
    scope.write_txn(Lane::Other, "test", work).await
}

#[tokio::test]
async fn rows_of_other_tenants_are_not_there() {
    let Some(database) = postgres().await else { return };
    database.store.migrate().await.expect("migrates");
    let one = database.store.tenant(tenant(&database.store, 1).await.id);
    let other = database.store.tenant(tenant(&database.store, 2).await.id);
    fill(&database, one).await;
    let mut seen = 0;
    for table in names(database.store.reader(), WITH_TENANT).await {
        let all = format!("SELECT count(*) FROM {table}");
        let there = count(database.store.reader(), &all).await;
        if table == "grants" {
            continue;
        }
        let foreign = format!("{all} WHERE tenant_id <> '{}'", one.id());
        assert_eq!(count(&one.reader(), &foreign).await, 0, "{table}");
        let own = format!("{all} WHERE tenant_id = '{}'", one.id());
        assert_eq!(count(&one.reader(), &all).await, count(database.store.reader(), &own).await, "{table}");
        assert_eq!(count(&other.reader(), &own).await, 0, "{table}");
        seen += i64::from(there > 0);
    }
    assert!(seen >= 12, "most tables had rows: {seen}");
    assert_eq!(count(&one.reader(), "SELECT count(*) FROM tenants").await, 1);
    let session = one.read_session().await.expect("begins");
    assert_eq!(count(&one.within(&session).reader(), "SELECT count(*) FROM tenants").await, 1);
    drop(session);
    database.drop().await;
}

#[tokio::test]
async fn every_table_of_tenants_has_its_rule() {
    let Some(database) = postgres().await else { return };
    database.store.migrate().await.expect("migrates");
    let reader = database.store.reader();
    assert_eq!(names(reader, RLS).await, names(reader, WITH_TENANT).await);
    let shared = names(reader, WITHOUT_RULES).await;
    let keys = ["conversion_keys SELECT", "dedupe_keys SELECT", "identifier_keys SELECT"].map(str::to_owned);
    assert_eq!(shared, BTreeSet::from(keys));
    let owned = format!("SELECT count(*) FROM pg_class WHERE pg_get_userbyid(relowner) = '{TENANT_ROLE}'");
    assert_eq!(count(reader, &owned).await, 0, "who owns a table is behind no wall");
    database.drop().await;
}

#[tokio::test]
async fn nothing_is_written_beyond_the_wall() {
    let Some(database) = postgres().await else { return };
    database.store.migrate().await.expect("migrates");
    let one = database.store.tenant(tenant(&database.store, 1).await.id);
    let other = database.store.tenant(tenant(&database.store, 2).await.id);
    fill(&database, one).await;
    assert_eq!(write(other, "UPDATE sources SET display_name = 'mine'").await, Ok(0));
    assert_eq!(write(one, "UPDATE sources SET display_name = 'mine'").await, Ok(1));
    let given = format!("UPDATE sources SET tenant_id = '{}'", other.id());
    let refused = [
        given.as_str(),
        "UPDATE profiles SET merged_into = NULL",
        "DELETE FROM audit_log",
        "UPDATE request_ids SET resource = 'mine'",
        "DELETE FROM tenants",
        "SELECT count(*) FROM grants",
        "SELECT count(*) FROM api_keys",
        "ALTER TABLE sources DISABLE ROW LEVEL SECURITY",
    ];
    for sql in refused {
        assert!(write(one, sql).await.is_err(), "{sql}");
    }
    let read_only = one.reader().execute_unprepared("UPDATE sources SET display_name = 'read'").await;
    assert!(read_only.is_err_and(|error| error.to_string().contains("read-only")));
    database.drop().await;
}

#[tokio::test]
async fn a_wall_ends_with_its_transaction() {
    let Some(database) = postgres().await else { return };
    database.store.migrate().await.expect("migrates");
    let one = database.store.tenant(tenant(&database.store, 1).await.id);
    let user =
        "SELECT current_user::text || coalesce(nullif(current_setting('tributary.tenant', true), ''), '')";
    let behind = names(&one.reader(), user).await;
    assert_eq!(behind, BTreeSet::from([format!("{TENANT_ROLE}{}", one.id())]));
    for _ in 0..20 {
        let outside = names(database.store.reader(), user).await;
        assert_ne!(outside.first().map(|user| user.starts_with(TENANT_ROLE)), Some(true), "{outside:?}");
    }
    database.drop().await;
}

#[tokio::test]
async fn a_user_who_may_not_make_the_role_is_told_what_to_do() {
    let Some(database) = postgres().await else { return };
    let (server, name) = database.url.rsplit_once('/').expect("made of both");
    let user = format!("small_{:016x}", rand::random::<u64>());
    let super_user = Connect::connect(format!("{server}/postgres")).await.expect("connects");
    let obey = async |sql: String| super_user.execute_unprepared(&sql).await.expect("obeys");
    // The role is there already where another test was faster: then it may not be taken on.
    obey(format!("CREATE ROLE {user} LOGIN PASSWORD 'small'")).await;
    obey(format!("ALTER DATABASE {name} OWNER TO {user}")).await;
    let (scheme, rest) = database.url.split_once("://").expect("a url");
    let place = rest.split_once('@').map_or(rest, |(_, place)| place);
    let store: Store = crate::support::open(&format!("{scheme}://{user}:small@{place}")).await;
    let told = store.migrate().await.expect_err("it may not").to_string();
    assert!(
        told.contains("CREATE ROLE tributary_tenant NOLOGIN; GRANT tributary_tenant TO small_"),
        "{told}"
    );
    let made = super_user.execute_unprepared(&format!("CREATE ROLE {TENANT_ROLE} NOLOGIN")).await;
    drop(made);
    obey(format!("GRANT {TENANT_ROLE} TO {user}")).await;
    store.migrate().await.expect("the administrator did it");
    let scope = store.tenant(tenant(&store, 1).await.id);
    assert_eq!(count(&scope.reader(), "SELECT count(*) FROM tenants").await, 1);
    store.close().await.expect("closes");
    database.drop().await;
    obey(format!("DROP ROLE {user}")).await;
}
