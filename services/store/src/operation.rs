//! Operations: long work that goes on behind the call that began it, in small steps that a restart does not lose. What is
//! to be done is chosen first, page by page, and noted item by item; then the items are done, oldest first.

mod backtest;
mod choose;
mod items;
mod replay;

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, IntoActiveModel,
    PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr,
};
use serde_json::json;
use tributary_domain::{
    id::{OperationId, TenantId},
    time::Timestamp,
};

pub use choose::{Backtest, Choice, Chosen, Place};
pub(crate) use items::count_done;
pub use items::{KEPT, MOST_ITEMS};
pub use replay::Settled;

use crate::{
    Lane, Page, Paged, Store, StoreError, TenantScope,
    audit::{self, Author, Deed, Owner},
    column::{codes, id, json, number, to_json},
    entity::{operation, tenant},
    txn::Txn,
};

/// How many operations of a tenant may run at a time, besides erasures.
pub const MOST_RUNNING: u64 = 4;
/// How many erasures of a tenant may run at a time: they have a right to be done, whatever else goes on.
pub const MOST_ERASURES: u64 = 100;

codes! {
    /// What an operation does.
    OperationKind {
        /// It has messages processed again.
        ReplayMessages = "REPLAY_MESSAGES",
        /// It has deliveries sent again.
        ReplayDeliveries = "REPLAY_DELIVERIES",
        /// It erases a person.
        EraseProfile = "ERASE_PROFILE",
        /// It compares what a workflow would make of messages with what happened.
        BacktestWorkflow = "BACKTEST_WORKFLOW",
    }
}

codes! {
    /// How far an operation is.
    OperationState {
        /// It is at work, or waits for its turn.
        Running = "RUNNING",
        /// It did all that there was to do.
        Succeeded = "SUCCEEDED",
        /// It could not go on; the error says why.
        Failed = "FAILED",
        /// Somebody stopped it; what was done by then stays done.
        Cancelled = "CANCELLED",
    }
}

/// An operation to be begun.
#[derive(Debug, Clone)]
pub struct NewOperation {
    /// Its id.
    pub id: OperationId,
    /// The request that began it, as its caller encoded it.
    pub request: Vec<u8>,
    /// What it is to be done to.
    pub choice: Choice,
}

/// An operation.
#[derive(Debug, Clone)]
pub struct OperationRecord {
    /// Its id.
    pub id: OperationId,
    /// Whose it is.
    pub tenant: TenantId,
    /// What it does.
    pub kind: OperationKind,
    /// How far it is.
    pub state: OperationState,
    /// The request that began it, as its caller encoded it.
    pub request: Vec<u8>,
    /// What it is done to.
    pub choice: Choice,
    /// Where choosing goes on; none: all is chosen.
    pub place: Option<Place>,
    /// How many items were chosen so far.
    pub total: u64,
    /// How many of them are done.
    pub done: u64,
    /// How many of them could not be done.
    pub failed: u64,
    /// Raised by every change.
    pub revision: u64,
    /// Who began it.
    pub actor: String,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When it came further last.
    pub updated_at: Timestamp,
    /// When it ended.
    pub completed_at: Option<Timestamp>,
    /// Why it failed.
    pub error: Option<String>,
}

/// Which operations a list has; what is not set does not matter.
#[derive(Debug, Clone, Copy, Default)]
pub struct OperationFilter {
    /// Those that do this.
    pub kind: Option<OperationKind>,
    /// Those that are this far.
    pub state: Option<OperationState>,
}

impl TenantScope<'_> {
    /// Begins an operation.
    ///
    /// # Errors
    /// When the tenant is not there, too many of its operations run, or the request was done before.
    pub async fn create_operation(
        &self,
        new: &NewOperation,
        author: &Author,
    ) -> Result<OperationRecord, StoreError> {
        let row = operation::Model {
            tenant_id: self.key(),
            id: new.id.to_string(),
            kind: new.choice.kind().code().to_owned(),
            state: OperationState::Running.code().to_owned(),
            request: new.request.clone(),
            work: to_json(&new.choice)?,
            place: Some(to_json(&Place::default())?),
            total: 0,
            done: 0,
            failed: 0,
            revision: 1,
            actor: author.actor.clone(),
            created_at: author.at.micros(),
            updated_at: author.at.micros(),
            completed_at: None,
            error: None,
        };
        let deed = Deed::new("operation.create", new.id).with(json!({ "kind": row.kind }));
        let (inserted, deed) = (&row, &deed);
        let write = |txn: Txn| async move {
            let txn = txn.as_ref();
            author.claim(txn, Some(self.id()), new.id, None).await?;
            self.check_running(txn, new.choice.kind()).await?;
            operation::Entity::insert(inserted.clone().into_active_model())
                .exec_without_returning(txn)
                .await
                .map_err(|error| StoreError::from(error).of("operation"))?;
            audit::append(txn, Owner::Tenant(self.id()), author, deed).await
        };
        self.write_txn(Lane::Other, "operation.create", write).await?;
        row.try_into()
    }

    /// Whether another operation may begin. The tenant's row is locked, so that of two who come at once only one can have
    /// the last place.
    async fn check_running(&self, txn: &DatabaseTransaction, kind: OperationKind) -> Result<(), StoreError> {
        let live = tenant::Entity::find_by_id(self.key()).filter(tenant::Column::DeletedAt.is_null());
        if live.lock_exclusive().one(txn).await?.is_none() {
            return Err(StoreError::not_found("tenant"));
        }
        let erasure = OperationKind::EraseProfile.code();
        let (same, limit) = match kind {
            OperationKind::EraseProfile => (operation::Column::Kind.eq(erasure), MOST_ERASURES),
            _ => (operation::Column::Kind.ne(erasure), MOST_RUNNING),
        };
        let running = operation::Entity::find()
            .filter(operation::Column::TenantId.eq(self.key()))
            .filter(Expr::cust(IS_RUNNING))
            .filter(same)
            .count(txn)
            .await?;
        if running >= limit {
            return Err(StoreError::OperationsRunning { limit });
        }
        Ok(())
    }

    /// The operation with this id.
    ///
    /// # Errors
    /// When the tenant has none.
    pub async fn operation(&self, operation: OperationId) -> Result<OperationRecord, StoreError> {
        self.read_operation(&self.reader(), operation).await?.try_into()
    }

    async fn read_operation(
        &self,
        connection: &impl ConnectionTrait,
        operation: OperationId,
    ) -> Result<operation::Model, StoreError> {
        let query = operation::Entity::find_by_id((self.key(), operation.to_string()));
        query.one(connection).await?.ok_or_else(|| StoreError::not_found("operation"))
    }

    /// The tenant's operations, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn operations(
        &self,
        filter: OperationFilter,
        page: Page<OperationId>,
    ) -> Result<Paged<OperationRecord, OperationId>, StoreError> {
        let mut query = operation::Entity::find().filter(operation::Column::TenantId.eq(self.key()));
        if let Some(kind) = filter.kind {
            query = query.filter(operation::Column::Kind.eq(kind.code()));
        }
        if let Some(state) = filter.state {
            query = query.filter(operation::Column::State.eq(state.code()));
        }
        if let Some(before) = page.after {
            query = query.filter(operation::Column::Id.lt(before.to_string()));
        }
        let query = query.order_by_desc(operation::Column::Id).limit(page.rows());
        page.fill(query.all(&self.reader()).await?, OperationRecord::try_from, |record| record.id)
    }

    /// Stops an operation; nothing happens to one that has ended. What is in the held lane already is still processed.
    ///
    /// # Errors
    /// When the tenant has none such, or it erases a person.
    pub async fn cancel_operation(
        &self,
        operation: OperationId,
        author: &Author,
    ) -> Result<OperationRecord, StoreError> {
        let deed = &Deed::new("operation.cancel", operation);
        let write = |txn: Txn| async move {
            let txn = txn.as_ref();
            // Half of a person would be left, whom nobody finds any more.
            if self.read_operation(txn, operation).await?.kind == OperationKind::EraseProfile.code() {
                return Err(StoreError::state("operation"));
            }
            if self.end(txn, operation, OperationState::Cancelled, None, author.at).await? {
                audit::append(txn, Owner::Tenant(self.id()), author, deed).await?;
            }
            self.read_operation(txn, operation).await
        };
        self.write_txn(Lane::Other, "operation.cancel", write).await?.try_into()
    }

    /// Ends an operation, if it runs.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_operation(
        &self,
        operation: OperationId,
        state: OperationState,
        error: Option<&str>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let write = |txn: Txn| async move { self.end(txn.as_ref(), operation, state, error, now).await };
        self.write_txn(Lane::Other, "operation.end", write).await.map(|_| ())
    }

    /// Says whether it ran.
    async fn end(
        &self,
        txn: &DatabaseTransaction,
        operation: OperationId,
        state: OperationState,
        error: Option<&str>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let ended = operation::ActiveModel {
            state: Set(state.code().to_owned()),
            completed_at: Set(Some(now.micros())),
            updated_at: Set(now.micros()),
            error: Set(error.map(str::to_owned)),
            ..Default::default()
        };
        let ended = operation::Entity::update_many()
            .set(ended)
            .col_expr(operation::Column::Revision, Expr::cust("revision + 1"))
            .filter(operation::Column::TenantId.eq(self.key()))
            .filter(operation::Column::Id.eq(operation.to_string()))
            .filter(operation::Column::State.eq(OperationState::Running.code()))
            .exec(txn)
            .await?;
        Ok(ended.rows_affected == 1)
    }
}

impl Store {
    /// The operations of all tenants that run, erasures before all others, then oldest first; at most as many as are
    /// worth a round. This reads across tenants; each names its own.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn running_operations(&self) -> Result<Vec<OperationRecord>, StoreError> {
        // False comes before true.
        let is_other = operation::Column::Kind.ne(OperationKind::EraseProfile.code());
        let rows = operation::Entity::find()
            .filter(Expr::cust(IS_RUNNING))
            .order_by_asc(is_other)
            .order_by_asc(operation::Column::Id)
            .limit(u64::from(crate::LARGEST_PAGE))
            .all(self.reader())
            .await?;
        rows.into_iter().map(OperationRecord::try_from).collect()
    }
}

/// Written out, not bound: SQLite uses the partial index only where the text itself says so.
const IS_RUNNING: &str = "\"operations\".\"state\" = 'RUNNING'";

/// Whether an operation runs; if it does, it does so until the transaction ends.
pub(crate) async fn is_running(
    txn: &DatabaseTransaction,
    tenant: TenantId,
    operation: OperationId,
) -> Result<bool, StoreError> {
    let row = operation::Entity::find_by_id((tenant.to_string(), operation.to_string()))
        .lock_exclusive()
        .one(txn)
        .await?;
    Ok(row.is_some_and(|row| row.state == OperationState::Running.code()))
}

impl TryFrom<operation::Model> for OperationRecord {
    type Error = StoreError;

    fn try_from(row: operation::Model) -> Result<Self, StoreError> {
        let kind = OperationKind::from_code(&row.kind);
        let state = OperationState::from_code(&row.state);
        Ok(Self {
            id: id(&row.id, "operations.id")?,
            tenant: id(&row.tenant_id, "operations.tenant_id")?,
            kind: kind.ok_or_else(|| StoreError::corrupt("operations.kind"))?,
            state: state.ok_or_else(|| StoreError::corrupt("operations.state"))?,
            request: row.request,
            choice: json(&row.work, "operations.work")?,
            place: row.place.map(|place| json(&place, "operations.place")).transpose()?,
            total: number(row.total, "operations.total")?,
            done: number(row.done, "operations.done")?,
            failed: number(row.failed, "operations.failed")?,
            revision: number(row.revision, "operations.revision")?,
            actor: row.actor,
            created_at: Timestamp::from_micros(row.created_at),
            updated_at: Timestamp::from_micros(row.updated_at),
            completed_at: row.completed_at.map(Timestamp::from_micros),
            error: row.error,
        })
    }
}
