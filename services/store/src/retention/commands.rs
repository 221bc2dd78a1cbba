//! Commands of administrators: those that are done go with the logs.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use tributary_domain::{
    id::{CommandId, TenantId},
    retention::days,
    time::Timestamp,
};

use super::{STEP, sweep::Round};
use crate::{Lane, Store, StoreError, column::id, command::CommandState, entity::ledger_command, txn::Txn};

impl Store {
    /// Removes some old commands, of any tenants; says how many, and after which one to go on.
    pub(super) async fn remove_commands(
        &self,
        round: &Round,
        after: Option<CommandId>,
        now: Timestamp,
    ) -> Result<(u64, Option<CommandId>), StoreError> {
        let first_kept = |kept: u32| CommandId::new(now.minus(days(kept)).millis(), 0);
        let until = first_kept(round.shortest(|kept| kept.logs_days));
        let mut query = ledger_command::Entity::find()
            .select_only()
            .columns([ledger_command::Column::Id, ledger_command::Column::TenantId])
            .column(ledger_command::Column::State)
            .filter(ledger_command::Column::Id.lt(until.to_string()));
        if let Some(after) = after {
            query = query.filter(ledger_command::Column::Id.gt(after.to_string()));
        }
        let query = query.order_by_asc(ledger_command::Column::Id).limit(STEP);
        let rows: Vec<(String, String, String)> = query.into_tuple().all(self.reader()).await?;
        let is_full = rows.len() as u64 == STEP;
        let (mut old, mut last) = (Vec::new(), None);
        for (command, tenant, state) in &rows {
            let command: CommandId = id(command, "ledger_commands.id")?;
            let tenant: TenantId = id(tenant, "ledger_commands.tenant_id")?;
            last = Some(command);
            let is_done = state != CommandState::Pending.code();
            if is_done && command < first_kept(round.of(tenant, |kept| kept.logs_days)) {
                old.push(command.to_string());
            }
        }
        let next = last.filter(|_| is_full);
        if old.is_empty() {
            return Ok((0, next));
        }
        let old = &old;
        let write = |txn: Txn| async move {
            let delete = ledger_command::Entity::delete_many().filter(ledger_command::Column::Id.is_in(old));
            Ok(delete.exec(txn.as_ref()).await?.rows_affected)
        };
        let removed = self.write_txn(Lane::Other, "retention.commands", write).await?;
        Ok((removed, next))
    }
}
