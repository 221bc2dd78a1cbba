//! `workflow_versions`: a published version of a workflow; never changed.

use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "workflow_versions")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) workflow_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) version: i32,
    pub(crate) tenant_id: String,
    pub(crate) spec: String,
    pub(crate) created_at: i64,
    pub(crate) author: Option<String>,
    pub(crate) note: Option<String>,
    pub(crate) restored_version: Option<i32>,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
