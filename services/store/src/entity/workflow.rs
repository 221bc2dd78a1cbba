//! `workflows`: a workflow: its draft, and which version is published.

use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "workflows")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: String,
    pub(crate) tenant_id: String,
    pub(crate) source_id: String,
    pub(crate) key: String,
    pub(crate) display_name: String,
    pub(crate) sort_order: i32,
    pub(crate) delay_ms: i64,
    pub(crate) draft: String,
    pub(crate) published_version: Option<i32>,
    pub(crate) sample_message: Option<String>,
    pub(crate) revision: i64,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
    pub(crate) deleted_at: Option<i64>,
    pub(crate) deleted_with: Option<String>,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
