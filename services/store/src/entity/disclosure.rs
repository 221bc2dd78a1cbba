//! `disclosures`: which destination was told of a person who was erased.

use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "disclosures")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) tenant_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) operation_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) delivery_id: String,
    pub(crate) destination_id: String,
    pub(crate) event_name: String,
    pub(crate) state: String,
    pub(crate) attempts: i32,
    pub(crate) told_at: Option<i64>,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
