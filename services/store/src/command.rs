//! Ledger commands: changes of identity and of what is parked that an administrator asks for, and that the ledger
//! applies between batches.

use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect};
use serde_json::Value;
use tributary_domain::{
    id::{CommandId, TenantId},
    time::Timestamp,
};

use crate::{
    Lane, Page, Paged, Store, StoreError, TenantScope,
    audit::{self, Author, Deed, Owner},
    column::{codes, id, json, number, to_json},
    entity::ledger_command,
    txn::Txn,
};

codes! {
    /// How far a command is.
    CommandState {
        /// The ledger has not come to it.
        Pending = "PENDING",
        /// It is applied.
        Applied = "APPLIED",
        /// It could not be; the result says why.
        Failed = "FAILED",
    }
}

/// A ledger command.
#[derive(Debug, Clone, PartialEq)]
pub struct CommandRecord {
    /// Its id.
    pub id: CommandId,
    /// Whose it is.
    pub tenant: TenantId,
    /// What is to be done: a stable code of the ledger's.
    pub kind: String,
    /// With what.
    pub payload: Value,
    /// How far it is.
    pub state: CommandState,
    /// What came of it.
    pub result: Option<String>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it was applied.
    pub applied_at: Option<Timestamp>,
    /// The sequence that it came after.
    pub applied_after: Option<u64>,
}

impl TenantScope<'_> {
    /// Asks the ledger for something; [`TenantScope::command`] tells what came of it.
    ///
    /// # Errors
    /// When the id is taken.
    pub async fn enqueue_command(
        &self,
        command: CommandId,
        kind: &str,
        payload: &Value,
        author: &Author,
    ) -> Result<(), StoreError> {
        let row = ledger_command::Model {
            id: command.to_string(),
            tenant_id: self.key(),
            kind: kind.to_owned(),
            payload: to_json(payload)?,
            state: CommandState::Pending.code().to_owned(),
            result: None,
            created_at: author.at.micros(),
            applied_at: None,
            applied_after: None,
        };
        let mut about = payload.clone();
        if let Value::Object(about) = &mut about {
            // What is left are ids: a value may be personal.
            about.retain(|name, _| name != "value" && name != "actor");
        }
        let deed =
            Deed::new("command.enqueue", command).with(about).with(serde_json::json!({ "kind": kind }));
        let (inserted, deed) = (&row, &deed);
        let write = |txn: Txn| async move {
            let txn = txn.as_ref();
            ledger_command::Entity::insert(inserted.clone().into_active_model())
                .exec_without_returning(txn)
                .await
                .map_err(|error| StoreError::from(error).of("command"))?;
            audit::append(txn, Owner::Tenant(self.id()), author, deed).await
        };
        self.write_txn(Lane::Other, "command.enqueue", write).await
    }

    /// The command with this id.
    ///
    /// # Errors
    /// When the tenant has none.
    pub async fn command(&self, command: CommandId) -> Result<CommandRecord, StoreError> {
        let query = ledger_command::Entity::find_by_id(command.to_string())
            .filter(ledger_command::Column::TenantId.eq(self.key()));
        let row = query.one(&self.reader()).await?;
        row.ok_or_else(|| StoreError::not_found("command"))?.try_into()
    }
}

impl Store {
    /// The commands of all tenants that the ledger has not come to, oldest first. This reads across tenants; each
    /// answer names its own.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pending_commands(
        &self,
        page: Page<CommandId>,
    ) -> Result<Paged<CommandRecord, CommandId>, StoreError> {
        let mut query = ledger_command::Entity::find()
            .filter(ledger_command::Column::State.eq(CommandState::Pending.code()));
        if let Some(after) = page.after {
            query = query.filter(ledger_command::Column::Id.gt(after.to_string()));
        }
        let query = query.order_by_asc(ledger_command::Column::Id).limit(page.rows());
        page.fill(query.all(self.reader()).await?, CommandRecord::try_from, |record| record.id)
    }
}

impl TryFrom<ledger_command::Model> for CommandRecord {
    type Error = StoreError;

    fn try_from(row: ledger_command::Model) -> Result<Self, StoreError> {
        let after = row.applied_after.map(|after| number(after, "ledger_commands.applied_after"));
        let state = CommandState::from_code(&row.state);
        Ok(Self {
            id: id(&row.id, "ledger_commands.id")?,
            tenant: id(&row.tenant_id, "ledger_commands.tenant_id")?,
            kind: row.kind,
            payload: json(&row.payload, "ledger_commands.payload")?,
            state: state.ok_or_else(|| StoreError::corrupt("ledger_commands.state"))?,
            result: row.result,
            created_at: Timestamp::from_micros(row.created_at),
            applied_at: row.applied_at.map(Timestamp::from_micros),
            applied_after: after.transpose()?,
        })
    }
}
