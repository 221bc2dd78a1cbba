//! `journal_progress`: how far a partition was committed in a journal that another one has taken the place of.

use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "journal_progress")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) journal_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) partition: i32,
    pub(crate) seq: i64,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
