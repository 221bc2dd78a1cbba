//! `conversions`: bookings, each however often it is moved; what was heard and told of them is JSON.

use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "conversions")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) tenant_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: String,
    pub(crate) state: String,
    pub(crate) profile_id: Option<String>,
    pub(crate) paid_at: Option<i64>,
    pub(crate) first_at: i64,
    pub(crate) last_at: i64,
    pub(crate) updated_at: i64,
    pub(crate) data: String,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
