//! `profiles`: a profile: one person of a tenant.

use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "profiles")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) tenant_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: String,
    pub(crate) created_at: i64,
    pub(crate) created_seq: i64,
    pub(crate) updated_at: i64,
    pub(crate) merged_into: Option<String>,
    pub(crate) held: String,
    pub(crate) traits: String,
    pub(crate) own: Option<String>,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
