//! `destinations`: a destination: where events are forwarded.

use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "destinations")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: String,
    pub(crate) tenant_id: String,
    pub(crate) key: String,
    pub(crate) display_name: String,
    pub(crate) platform: String,
    pub(crate) settings: String,
    pub(crate) secrets: Option<Vec<u8>>,
    pub(crate) filter: Option<String>,
    pub(crate) event_names: String,
    pub(crate) state: String,
    pub(crate) state_reason: String,
    pub(crate) revision: i64,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
    pub(crate) deleted_at: Option<i64>,
    pub(crate) consent: Option<String>,
    pub(crate) credential_state: Option<String>,
    pub(crate) credential_reason: Option<String>,
    pub(crate) credential_since: Option<i64>,
    pub(crate) credential_expires_at: Option<i64>,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
