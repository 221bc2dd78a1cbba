//! `never_join`: two profiles that the same evidence must not join again.

use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "never_join")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) tenant_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) left_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) right_id: String,
    pub(crate) created_at: i64,
    pub(crate) actor: Option<String>,
    pub(crate) because: Option<String>,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
