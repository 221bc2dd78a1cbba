//! `tenant_quotas`: what a tenant may use, where it is not the default.

use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tenant_quotas")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) tenant_id: String,
    pub(crate) requests_per_second: i32,
    pub(crate) request_burst: i32,
    pub(crate) max_body_bytes: i64,
    pub(crate) monthly_messages: i64,
    pub(crate) max_sources: i32,
    pub(crate) max_workflows: i32,
    pub(crate) max_destinations: i32,
    pub(crate) retention_days: i32,
    pub(crate) revision: i64,
    pub(crate) updated_at: i64,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
