//! How a tenant's configuration is changed: in one transaction with its revision and its audit entry.

use std::{future::Future, sync::Arc};

use sea_orm::{
    ColumnTrait, EntityTrait, ExprTrait, QueryFilter,
    sea_query::{Expr, SimpleExpr},
};
use serde_json::Value;

use crate::{
    Lane, StoreError, TenantScope,
    audit::{self, Author, Deed, Owner},
    column::number,
    entity::tenant,
    txn::Txn,
};

impl TenantScope<'_> {
    /// Runs `work` after raising the tenant's `config_rev`, and appends `deed` to the audit log.
    ///
    /// Raising it first locks the tenant's row, so that all changes of one tenant's configuration happen one after
    /// another: what `work` reads stays true until it commits.
    pub(crate) async fn configure<T, F, W>(
        &self,
        deed: Deed,
        author: &Author,
        work: F,
    ) -> Result<T, StoreError>
    where
        F: Fn(Txn) -> W,
        W: Future<Output = Result<T, StoreError>>,
    {
        let work = &work;
        let untold = |txn: Txn| async move { Ok((work(txn).await?, Value::Null)) };
        self.configure_telling(deed, author, untold).await
    }

    /// As [`TenantScope::configure`]; `work` also says what else is to be told of it.
    pub(crate) async fn configure_telling<T, F, W>(
        &self,
        deed: Deed,
        author: &Author,
        work: F,
    ) -> Result<T, StoreError>
    where
        F: Fn(Txn) -> W,
        W: Future<Output = Result<(T, Value), StoreError>>,
    {
        self.configure_if(tenant::Column::DeletedAt.is_null(), deed, author, work).await
    }

    /// As [`TenantScope::configure_telling`], where the tenant's row fulfils `condition`, deleted or not.
    pub(super) async fn configure_if<T, F, W>(
        &self,
        condition: SimpleExpr,
        deed: Deed,
        author: &Author,
        work: F,
    ) -> Result<T, StoreError>
    where
        F: Fn(Txn) -> W,
        W: Future<Output = Result<(T, Value), StoreError>>,
    {
        let (work, deed, condition) = (&work, &deed, &condition);
        let write = |txn: Txn| async move {
            let raised = tenant::Entity::update_many()
                .col_expr(tenant::Column::ConfigRev, Expr::col(tenant::Column::ConfigRev).add(1))
                .filter(tenant::Column::Id.eq(self.key()))
                .filter(condition.clone())
                .exec(txn.as_ref())
                .await?;
            if raised.rows_affected == 0 {
                return Err(StoreError::not_found("tenant"));
            }
            let (value, told) = work(Arc::clone(&txn)).await?;
            let deed = deed.clone().with(told);
            audit::append(txn.as_ref(), Owner::Tenant(self.id()), author, &deed).await?;
            Ok(value)
        };
        self.write_txn(Lane::Other, deed.action, write).await
    }
}

/// The revision after `stored`, if that is the one that was `read`.
pub(crate) fn next_revision(stored: i64, read: u64, what: &'static str) -> Result<i64, StoreError> {
    if number::<_, u64>(stored, "revision")? != read {
        return Err(StoreError::revision(what));
    }
    Ok(stored.saturating_add(1))
}
