//! `connections`: the account at a provider that a source is connected to.

use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "connections")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) tenant_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) source_id: String,
    pub(crate) secrets: Vec<u8>,
    pub(crate) url_hash: String,
    pub(crate) organization: String,
    pub(crate) account: String,
    pub(crate) reach: String,
    pub(crate) kinds: String,
    pub(crate) subscriptions: String,
    pub(crate) problem: Option<String>,
    pub(crate) advice: Option<String>,
    pub(crate) problem_since: Option<i64>,
    pub(crate) problem_of_looking: i64,
    pub(crate) checked_at: Option<i64>,
    pub(crate) check_due: i64,
    pub(crate) missing_since: Option<i64>,
    pub(crate) missing_count: i64,
    pub(crate) reconciled_at: Option<i64>,
    pub(crate) recovered: i64,
    pub(crate) revision: i64,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
