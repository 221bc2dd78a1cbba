//! `merges`: two profiles that became one, and whether that was taken back.

use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "merges")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) tenant_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: String,
    pub(crate) loser_id: String,
    pub(crate) winner_id: String,
    pub(crate) left_id: String,
    pub(crate) right_id: String,
    pub(crate) seq: i64,
    pub(crate) at: i64,
    pub(crate) event_id: String,
    pub(crate) kind: String,
    pub(crate) value: String,
    pub(crate) exact: i32,
    pub(crate) config_rev: Option<i64>,
    pub(crate) rules_version: Option<i32>,
    pub(crate) conflict_id: Option<String>,
    pub(crate) actor: Option<String>,
    pub(crate) undone_at: Option<i64>,
    pub(crate) undone_by: Option<String>,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
