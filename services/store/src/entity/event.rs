//! `events`: an event that a run made.

use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "events")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) tenant_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: String,
    pub(crate) workflow_id: String,
    pub(crate) source_id: String,
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) profile_id: Option<String>,
    pub(crate) seq: i64,
    pub(crate) occurred_at: i64,
    pub(crate) received_at: i64,
    pub(crate) data: Vec<u8>,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
