//! The entities and the migrations say the same.

use std::collections::BTreeSet;

use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, DbBackend, DbErr, EntityTrait, IdenStatic, Iterable,
    ModelTrait, PrimaryKeyToColumn, QueryFilter, Statement, Value,
    sea_query::{ColumnType, Expr, Query},
};

use tributary_domain::id::TenantId;

use crate::{entity::*, key::KeyHash, support::on_each_database};

/// A value for a column that differs from those of other columns, or of the same one in another row.
fn sample(column_type: &ColumnType, row: i64, index: usize) -> Value {
    let number = row * 100 + i64::try_from(index).expect("few columns");
    match column_type {
        ColumnType::String(_) | ColumnType::Text => Value::from(format!("value {number} ä")),
        ColumnType::BigInteger => Value::from(i64::MAX - number),
        ColumnType::Integer => Value::from(i32::MAX - i32::try_from(number).expect("small")),
        ColumnType::VarBinary(_) | ColumnType::Blob => {
            Value::from([&[0, 255], number.to_be_bytes().as_slice()].concat())
        }
        other => panic!("a column has the type {other:?}, which the house does not use"),
    }
}

/// A row of samples in the order of the columns; `absent` is null, and so are all that may be when `sparse`.
pub(super) fn row_of<E: EntityTrait>(row: i64, sparse: bool, absent: Option<&str>) -> Vec<Value> {
    let value_of = |(index, column): (usize, E::Column)| {
        let definition = column.def();
        let value = sample(definition.get_column_type(), row, index);
        let is_null = absent == Some(column.as_str()) || (sparse && definition.is_null());
        if is_null { value.as_null() } else { value }
    };
    E::Column::iter().enumerate().map(value_of).collect()
}

pub(super) async fn insert<E: EntityTrait>(
    connection: &DatabaseConnection,
    row: Vec<Value>,
) -> Result<(), DbErr> {
    let mut statement = Query::insert();
    statement
        .into_table(E::default())
        .columns(E::Column::iter())
        .values_panic(row.into_iter().map(Expr::value));
    connection.execute(&statement).await.map(|_| ())
}

async fn hold_together<E>(connection: &DatabaseConnection) -> &'static str
where
    E: EntityTrait,
    E::Model: ModelTrait<Entity = E>,
{
    let table = E::default().table_name();
    for (row, sparse) in [(1, false), (2, true)] {
        let written = row_of::<E>(row, sparse, None);
        let inserted = insert::<E>(connection, written.clone()).await;
        assert!(inserted.is_ok(), "{table}: {inserted:?}");
        let is_key = |column: &E::Column| E::PrimaryKey::from_column(*column).is_some();
        let query = E::Column::iter()
            .zip(&written)
            .filter(|(column, _)| is_key(column))
            .fold(E::find(), |query, (column, value)| query.filter(ColumnTrait::eq(&column, value.clone())));
        let read = query.one(connection).await.expect("reads").expect("is there");
        for (column, value) in E::Column::iter().zip(written) {
            assert_eq!(read.get(column), value, "{table}.{}", column.as_str());
        }
    }
    for (row, column) in (3..).zip(E::Column::iter()) {
        if !column.def().is_null() {
            let inserted = insert::<E>(connection, row_of::<E>(row, false, Some(column.as_str()))).await;
            assert!(inserted.is_err(), "{table}.{} took a null", column.as_str());
        }
    }
    let statement =
        Statement::from_string(connection.get_database_backend(), format!("SELECT * FROM \"{table}\""));
    let row = connection.query_one_raw(statement).await.expect("reads").expect("has rows");
    let in_table: BTreeSet<String> = row.column_names().into_iter().collect();
    let in_entity: BTreeSet<String> = E::Column::iter().map(|column| column.as_str().to_owned()).collect();
    assert_eq!(in_table, in_entity, "{table}");
    let again = insert::<E>(connection, row_of::<E>(1, false, None)).await;
    assert!(again.is_err(), "{table} took the same primary key twice");
    table
}

pub(super) async fn tables(connection: &DatabaseConnection) -> BTreeSet<String> {
    let backend = connection.get_database_backend();
    let sql = match backend {
        DbBackend::Postgres => {
            "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' AND NOT EXISTS \
             (SELECT 1 FROM pg_inherits WHERE inhrelid = to_regclass(quote_ident(tablename)))"
        }
        _ => "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
    };
    let rows = connection.query_all_raw(Statement::from_string(backend, sql)).await.expect("lists tables");
    let names = rows.iter().map(|row| row.try_get::<String>("", "name").expect("a name"));
    names.filter(|name| name != "seaql_migrations").collect()
}

macro_rules! all {
    ($connection:expr, $($entity:ident)+) => {
        BTreeSet::from([$(hold_together::<$entity::Entity>($connection).await.to_owned()),+])
    };
}

#[tokio::test]
async fn every_table_takes_and_returns_what_its_entity_says() {
    on_each_database(async |database| {
        let connection = database.store.writer();
        let seen = all!(
            connection,
            agency api_key audit_log backtest blocked_identifier browser_context conflict connection conversion conversion_key dedupe_key delivery delivery_attempt delivery_replay destination event event_count evidence
            grant group group_member held_message identifier identifier_key identifier_meeting invitation journal_progress ledger_command member merge message message_replay meta
            never_join operation operation_item parked_message partition_progress profile disclosure erased_profile erasure suppression provider_subject refresh_token rejected_count rejected_request request_id retention_progress run session signing_key source source_secret stats stats_recent tenant tenant_quota tenant_usage trait_name workflow
            workflow_sample workflow_version
        );
        assert_eq!(tables(connection).await, seen, "every table has an entity");
    })
    .await;
}

#[tokio::test]
async fn an_identifier_has_one_owner_in_each_tenant() {
    on_each_database(async |database| {
        let owned = |tenant: u128, owner: u8| identifier_key::Model {
            key_hash: KeyHash::identifier(TenantId::new(1, tenant), "email", "a@example.com").to_column(),
            profile_id: vec![owner; 16],
        };
        let insert = async |row: identifier_key::Model| {
            let row: identifier_key::ActiveModel = row.into();
            identifier_key::Entity::insert(row).exec_without_returning(database.store.writer()).await
        };
        insert(owned(1, 1)).await.expect("the first owner");
        insert(owned(2, 2)).await.expect("another tenant");
        let second = insert(owned(1, 2)).await.expect_err("a second owner");
        assert_eq!(crate::StoreError::from(second), crate::StoreError::exists("row"));
    })
    .await;
}
