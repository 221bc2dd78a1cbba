//! Conversions: bookings, each however often it is moved, with what was heard and told of them. Only the ledger writes
//! them.

use sea_orm::{
    ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr,
};
use tributary_domain::{
    booking::{Conversion, State},
    id::{ConversionId, ProfileId, SourceId, TenantId},
    time::Timestamp,
};

use crate::{
    Page, Paged, StoreError, TenantScope,
    column::{bits, id, json, optional_id},
    entity::{conversion, conversion_key},
    key::{self, KeyHash},
};

/// A conversion.
#[derive(Debug, Clone, PartialEq)]
pub struct ConversionRecord {
    /// Its id.
    pub id: ConversionId,
    /// How it stands.
    pub state: State,
    /// Whose it is, as it was found first; nothing while no event of a person was made of it.
    pub profile: Option<ProfileId>,
    /// When it was paid for, by the provider.
    pub paid_at: Option<Timestamp>,
    /// When the first message of it was accepted.
    pub first_at: Timestamp,
    /// When the last message of it was accepted.
    pub last_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// What was heard and told of it.
    pub conversion: Conversion,
}

/// Which conversions a list has; what is not set does not matter.
#[derive(Debug, Clone, Copy, Default)]
pub struct ConversionFilter<'a> {
    /// Those that stand so.
    pub state: Option<State>,
    /// Those of this person, and of the profiles that became part of it.
    pub profile: Option<ProfileId>,
    /// The one with this key, among those of a source or of all of the tenant's.
    pub key: Option<(Option<SourceId>, &'a str)>,
}

impl TenantScope<'_> {
    /// The conversion with this id.
    ///
    /// # Errors
    /// When the tenant has none. One that turned out to be a part of another is that other.
    pub async fn conversion(&self, conversion: ConversionId) -> Result<ConversionRecord, StoreError> {
        let query = conversion::Entity::find_by_id((self.key(), conversion.to_string()));
        let row = query.one(&self.reader()).await?;
        row.ok_or_else(|| StoreError::not_found("conversion"))?.try_into()
    }

    /// The conversion that a provider's key means, among the keys of `source`, or of all of the tenant's.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn conversion_by_key(
        &self,
        source: Option<SourceId>,
        key: &str,
    ) -> Result<Option<ConversionRecord>, StoreError> {
        let hash = KeyHash::booking(self.id(), source, key).to_column();
        let Some(row) = conversion_key::Entity::find_by_id(hash).one(&self.reader()).await? else {
            return Ok(None);
        };
        let id = ConversionId::from_bits(bits(&row.conversion_id, "conversion_keys.conversion_id")?);
        match self.conversion(id).await {
            Ok(record) => Ok(Some(record)),
            Err(StoreError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The tenant's conversions that fit, the newest first: an id begins with the time of the message that made it.
    ///
    /// # Errors
    /// When the database fails, or there is no such profile.
    pub async fn conversions(
        &self,
        filter: ConversionFilter<'_>,
        page: Page<ConversionId>,
    ) -> Result<Paged<ConversionRecord, ConversionId>, StoreError> {
        let mut query = conversion::Entity::find().filter(conversion::Column::TenantId.eq(self.key()));
        if let Some((source, key)) = filter.key {
            let found = self.conversion_by_key(source, key).await?;
            let Some(found) = found else { return Ok(Paged { items: Vec::new(), next: None }) };
            query = query.filter(conversion::Column::Id.eq(found.id.to_string()));
        }
        if let Some(state) = filter.state {
            query = query.filter(conversion::Column::State.eq(state.code()));
            if state != State::Booked {
                // Written out, not bound: SQLite uses the partial index only where the text itself says so.
                query = query.filter(Expr::cust("\"conversions\".\"state\" <> 'BOOKED'"));
            }
        }
        if let Some(profile) = filter.profile {
            let live = self.profile(profile).await?;
            let owners = std::iter::once(live.id).chain(live.aliases).map(|owner| owner.to_string());
            query = query.filter(conversion::Column::ProfileId.is_in(owners));
        }
        if let Some(before) = page.after {
            query = query.filter(conversion::Column::Id.lt(before.to_string()));
        }
        let query = query.order_by_desc(conversion::Column::Id).limit(page.rows());
        page.fill(query.all(&self.reader()).await?, ConversionRecord::try_from, |record| record.id)
    }
}

/// Removes conversions with their keys; says how many.
pub(crate) async fn remove(
    txn: &DatabaseTransaction,
    tenant: TenantId,
    rows: Vec<conversion::Model>,
) -> Result<u64, StoreError> {
    let mut hashes = Vec::new();
    for row in &rows {
        let conversion: Conversion = json(&row.data, "conversions.data")?;
        hashes.extend(conversion.lineage.keys().into_iter().filter_map(|key| KeyHash::from_column(&key.0)));
    }
    key::forget(txn, "conversion_keys", &hashes).await?;
    let these = conversion::Entity::delete_many()
        .filter(conversion::Column::TenantId.eq(tenant.to_string()))
        .filter(conversion::Column::Id.is_in(rows.into_iter().map(|row| row.id)));
    Ok(these.exec(txn).await?.rows_affected)
}

impl TryFrom<conversion::Model> for ConversionRecord {
    type Error = StoreError;

    fn try_from(row: conversion::Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: id(&row.id, "conversions.id")?,
            state: State::from_code(&row.state).ok_or_else(|| StoreError::corrupt("conversions.state"))?,
            profile: optional_id(row.profile_id.as_deref(), "conversions.profile_id")?,
            paid_at: row.paid_at.map(Timestamp::from_micros),
            first_at: Timestamp::from_micros(row.first_at),
            last_at: Timestamp::from_micros(row.last_at),
            updated_at: Timestamp::from_micros(row.updated_at),
            conversion: json(&row.data, "conversions.data")?,
        })
    }
}
