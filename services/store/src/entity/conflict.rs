//! `conflicts`: a join of two people that was refused.

use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "conflicts")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) tenant_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: String,
    pub(crate) rule: String,
    pub(crate) kind: String,
    pub(crate) value: String,
    pub(crate) profile_id: String,
    pub(crate) other_profile_id: String,
    pub(crate) event_id: String,
    pub(crate) seq: i64,
    pub(crate) first_at: i64,
    pub(crate) last_at: i64,
    pub(crate) count: i64,
    pub(crate) state: String,
    pub(crate) config_rev: Option<i64>,
    pub(crate) rules_version: Option<i32>,
    pub(crate) decided_at: Option<i64>,
    pub(crate) decided_by: Option<String>,
    pub(crate) pair_left: Option<String>,
    pub(crate) pair_right: Option<String>,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
