//! `held_messages`: a message that waits beside the partition: its tenant is suspended, over its quota or failing.

use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "held_messages")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) tenant_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) position: i64,
    pub(crate) message_id: String,
    pub(crate) source_id: String,
    pub(crate) seq: i64,
    pub(crate) reason: String,
    pub(crate) held_at: i64,
    pub(crate) record: Vec<u8>,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
