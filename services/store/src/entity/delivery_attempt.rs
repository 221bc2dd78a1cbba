//! `delivery_attempts`: one attempt of a delivery, and what came back.

use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "delivery_attempts")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) tenant_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) delivery_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) number: i32,
    pub(crate) started_at: i64,
    pub(crate) duration_us: i64,
    pub(crate) outcome: String,
    pub(crate) http_status: Option<i32>,
    pub(crate) response_headers: String,
    pub(crate) response_body: Vec<u8>,
    pub(crate) truncated: i32,
    pub(crate) error: Option<String>,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
