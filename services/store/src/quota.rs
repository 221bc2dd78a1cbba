//! Quotas: what a tenant may use, and what it uses.

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait,
    PaginatorTrait, QueryFilter,
};
use serde_json::json;
use tributary_domain::{
    quota::{Countable, Month, Quota},
    time::Timestamp,
};

use crate::{
    StoreError, TenantScope,
    audit::{Author, Deed},
    column::{number, to_big, to_int},
    entity::{destination, source, tenant_quota, tenant_usage, workflow},
    tenant::next_revision,
    txn::Txn,
};

/// A tenant's quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaRecord {
    /// What it may use.
    pub quota: Quota,
    /// Raised by every change: what an update compares. Zero: it was never set.
    pub revision: u64,
    /// When it was changed last; none: it was never set.
    pub updated_at: Option<Timestamp>,
}

/// What a tenant uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// The month.
    pub month: Month,
    /// Messages that were processed in it. Neither duplicates count, nor what is held or parked.
    pub messages: u64,
    /// Sources.
    pub sources: u64,
    /// Workflows.
    pub workflows: u64,
    /// Destinations.
    pub destinations: u64,
}

impl TenantScope<'_> {
    /// The tenant's quota.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn quota(&self) -> Result<QuotaRecord, StoreError> {
        self.read_quota(&self.reader()).await
    }

    async fn read_quota(&self, connection: &impl ConnectionTrait) -> Result<QuotaRecord, StoreError> {
        let row = tenant_quota::Entity::find_by_id(self.key()).one(connection).await?;
        let unset = QuotaRecord { quota: Quota::default(), revision: 0, updated_at: None };
        row.map_or(Ok(unset), QuotaRecord::try_from)
    }

    /// Replaces the tenant's quota, if it still has this revision.
    ///
    /// # Errors
    /// When the tenant is not there, or its quota has another revision.
    pub async fn set_quota(
        &self,
        revision: u64,
        quota: &Quota,
        author: &Author,
    ) -> Result<QuotaRecord, StoreError> {
        let write = |txn: Txn| async move {
            let txn = txn.as_ref();
            let now = tenant_quota::Entity::find_by_id(self.key()).one(txn).await?;
            let next = next_revision(now.as_ref().map_or(0, |row| row.revision), revision, "quota")?;
            let row = tenant_quota::ActiveModel {
                tenant_id: Set(self.key()),
                requests_per_second: Set(to_int(quota.requests_per_second)),
                request_burst: Set(to_int(quota.request_burst)),
                max_body_bytes: Set(to_big(quota.max_body_bytes)),
                monthly_messages: Set(to_big(quota.monthly_messages)),
                max_sources: Set(to_int(quota.max_sources)),
                max_workflows: Set(to_int(quota.max_workflows)),
                max_destinations: Set(to_int(quota.max_destinations)),
                retention_days: Set(to_int(quota.retention_days)),
                revision: Set(next),
                updated_at: Set(author.at.micros()),
            };
            let unset = Quota::default();
            let before = now
                .as_ref()
                .map_or(Ok(unset), |row| row.clone().try_into().map(|record: QuotaRecord| record.quota))?;
            let told = json!({ "before": before, "after": quota });
            let written = if now.is_some() { row.update(txn).await? } else { row.insert(txn).await? };
            Ok((written.try_into()?, told))
        };
        self.configure_telling(Deed::new("tenant.set_quota", self.id()), author, write).await
    }

    /// What the tenant uses, in the month of `now`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn usage(&self, now: Timestamp) -> Result<Usage, StoreError> {
        let (reader, month) = (&self.reader(), Month::of(now));
        Ok(Usage {
            month,
            messages: self.month_messages(reader, month).await?,
            sources: self.count_live(reader, Countable::Sources).await?,
            workflows: self.count_live(reader, Countable::Workflows).await?,
            destinations: self.count_live(reader, Countable::Destinations).await?,
        })
    }

    async fn month_messages(
        &self,
        connection: &impl ConnectionTrait,
        month: Month,
    ) -> Result<u64, StoreError> {
        let row = tenant_usage::Entity::find_by_id((month.number(), self.key())).one(connection).await?;
        row.map_or(Ok(0), |row| number(row.messages, "tenant_usage.messages"))
    }

    async fn count_live(&self, connection: &impl ConnectionTrait, of: Countable) -> Result<u64, StoreError> {
        let tenant = self.key();
        let count = match of {
            Countable::Sources => {
                let own = source::Entity::find().filter(source::Column::TenantId.eq(tenant));
                own.filter(source::Column::DeletedAt.is_null()).count(connection).await
            }
            Countable::Workflows => {
                let own = workflow::Entity::find().filter(workflow::Column::TenantId.eq(tenant));
                own.filter(workflow::Column::DeletedAt.is_null()).count(connection).await
            }
            Countable::Destinations => {
                let own = destination::Entity::find().filter(destination::Column::TenantId.eq(tenant));
                own.filter(destination::Column::DeletedAt.is_null()).count(connection).await
            }
        };
        Ok(count?)
    }

    /// Whether the tenant may have `more` of these. The tenant's row is locked by who changes its configuration, so two
    /// who come at once cannot both have the last place.
    ///
    /// # Errors
    /// When it may not.
    pub(crate) async fn check_quota(
        &self,
        txn: &DatabaseTransaction,
        of: Countable,
        more: u64,
    ) -> Result<(), StoreError> {
        let limit = self.read_quota(txn).await?.quota.limit(of);
        if self.count_live(txn, of).await?.saturating_add(more) > limit {
            return Err(StoreError::QuotaExceeded { quota: of.quota(), limit });
        }
        Ok(())
    }
}

impl TryFrom<tenant_quota::Model> for QuotaRecord {
    type Error = StoreError;

    fn try_from(row: tenant_quota::Model) -> Result<Self, StoreError> {
        let small = |value: i32| number::<_, u32>(value, "tenant_quotas");
        Ok(Self {
            quota: Quota {
                requests_per_second: small(row.requests_per_second)?,
                request_burst: small(row.request_burst)?,
                max_body_bytes: number(row.max_body_bytes, "tenant_quotas.max_body_bytes")?,
                monthly_messages: number(row.monthly_messages, "tenant_quotas.monthly_messages")?,
                max_sources: small(row.max_sources)?,
                max_workflows: small(row.max_workflows)?,
                max_destinations: small(row.max_destinations)?,
                retention_days: small(row.retention_days)?,
            },
            revision: number(row.revision, "tenant_quotas.revision")?,
            updated_at: Some(Timestamp::from_micros(row.updated_at)),
        })
    }
}
