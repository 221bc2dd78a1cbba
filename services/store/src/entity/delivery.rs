//! `deliveries`: a delivery: one event for one destination.

use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "deliveries")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) tenant_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: String,
    pub(crate) destination_id: String,
    pub(crate) event_id: String,
    pub(crate) generation: i32,
    pub(crate) state: String,
    pub(crate) due_at: i64,
    pub(crate) attempts: i32,
    pub(crate) created_at: i64,
    pub(crate) completed_at: Option<i64>,
    pub(crate) last_status: Option<i32>,
    pub(crate) last_error: Option<String>,
    pub(crate) error_code: Option<String>,
    pub(crate) error_verdict: Option<String>,
    pub(crate) is_delayed: Option<i32>,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
