//! `runs`: how one workflow ended for one message.

use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "runs")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) tenant_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) workflow_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) message_id: String,
    pub(crate) source_id: String,
    pub(crate) seq: i64,
    pub(crate) version: i32,
    pub(crate) status: String,
    pub(crate) reason: Option<String>,
    pub(crate) events: i32,
    pub(crate) profile_id: Option<String>,
    pub(crate) at: i64,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
