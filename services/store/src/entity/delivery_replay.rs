//! `delivery_replays`: that a delivery is sent again, and how it stood before.

use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "delivery_replays")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) tenant_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) delivery_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) attempts: i32,
    pub(crate) operation_id: String,
    pub(crate) replayed_at: i64,
    pub(crate) before: String,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
