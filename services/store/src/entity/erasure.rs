//! `erasures`: people who were erased: how far that is, and what it removed.

use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "erasures")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) tenant_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) operation_id: String,
    pub(crate) profile_id: String,
    pub(crate) erased_at: i64,
    pub(crate) completed_at: Option<i64>,
    pub(crate) part: String,
    pub(crate) place: Option<String>,
    pub(crate) wanted: Option<Vec<u8>>,
    pub(crate) counts: String,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
