//! `rejected_counts`: how many requests of a source were refused, by reason.

use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "rejected_counts")]
pub(crate) struct Model {
    pub(crate) tenant_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) source_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) reason: String,
    pub(crate) count: i64,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
