//! `browser_context`: what is known of a browser, by its cluid; the anchor says where it lies: see
//! [`crate::ledger`].

use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "browser_context")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) tenant_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) anchor: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) cluid: String,
    pub(crate) data: String,
    pub(crate) updated_at: i64,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
