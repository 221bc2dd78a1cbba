//! `suppressions`: identifiers that are not processed, by their [`crate::suppression::SuppressionHash`].

use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "suppressions")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) tenant_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) key_hash: Vec<u8>,
    pub(crate) kind: String,
    pub(crate) erased_until: Option<i64>,
    pub(crate) listed_at: Option<i64>,
    pub(crate) label: String,
    pub(crate) destinations: Option<String>,
    pub(crate) updated_at: i64,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
