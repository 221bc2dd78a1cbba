//! `workflow_samples`: the message that is pinned to a workflow's draft, as it was then.

use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "workflow_samples")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) workflow_id: String,
    pub(crate) tenant_id: String,
    pub(crate) message_id: String,
    pub(crate) source_id: String,
    pub(crate) received_at: i64,
    pub(crate) provider_event: Option<String>,
    pub(crate) body: Vec<u8>,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
