//! `messages`: a message: one inbound webhook, with its raw bytes.

use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "messages")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: String,
    pub(crate) tenant_id: String,
    pub(crate) source_id: String,
    pub(crate) seq: i64,
    pub(crate) received_at: i64,
    pub(crate) committed_at: i64,
    pub(crate) provider_event: Option<String>,
    pub(crate) cluid: Option<String>,
    pub(crate) cluid_status: String,
    pub(crate) dedupe_key: Option<String>,
    pub(crate) fate: String,
    pub(crate) duplicate_of: Option<String>,
    pub(crate) signature: String,
    pub(crate) headers: String,
    pub(crate) body: Vec<u8>,
    pub(crate) runs: String,
    pub(crate) trace_parent: Option<String>,
    pub(crate) is_test: Option<i32>,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
