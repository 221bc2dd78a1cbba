//! Erasing people. The ledger takes them out of identity at once, in its place in the order; then all copies of what was
//! known of them go in small steps: what was made of their messages, the messages, and whatever else names them.
//!
//! Copies are found in two ways. Events lead from a profile to its messages, and from these to runs, deliveries and
//! attempts. All else is gone through row by row for what the person was known by (see `mentions::Mentions`): bodies of
//! messages that made no event, requests that were refused, what destinations answered, entries of others that name the
//! person. A text that holds none of these identifiers is not found, whoever it is about.
//!
//! What stays: the ids of the profiles, which stand for nobody any more; for each identifier a keyed hash with the time of
//! the erasure, so that nothing from before it comes back; lines of the log that say when something came, without what;
//! and the receipt, which has ids, counts and times.

mod events;
mod mentions;
mod messages;
mod receipt;
mod scan;
mod tables;

use std::collections::BTreeMap;

use sea_orm::{DatabaseTransaction, EntityTrait};
use serde::{Deserialize, Serialize};
use tributary_domain::{
    id::{OperationId, ProfileId, TenantId},
    time::Timestamp,
};

pub use receipt::DisclosureRecord;
pub(crate) use scan::{Key, redact_traits};

use crate::{
    Lane, Sealer, Store, StoreError, TenantScope,
    bulk::{OnConflict, bulk_insert},
    column::{codes, id, json, to_json},
    entity::{erasure, identifier},
    seal::{Holder, Place},
    txn::Txn,
};

codes! {
    /// How far an erasure is, once identity has forgotten the person.
    Part {
        /// Deliveries that wait are given up.
        Deliveries = "DELIVERIES",
        /// It waits for what is under way: attempts, and messages that were accepted and not yet processed.
        Settle = "SETTLE",
        /// What was made of the person's messages is removed.
        Events = "EVENTS",
        /// Whatever else names the person is removed.
        Mentions = "MENTIONS",
        /// The files are cleaned of what was removed.
        Files = "FILES",
        /// It is done.
        Done = "DONE",
    }
}

/// An erasure: also the receipt of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasureRecord {
    /// The operation that it is done by.
    pub operation: OperationId,
    /// Whose person it was.
    pub tenant: TenantId,
    /// The profile that stood for them.
    pub profile: ProfileId,
    /// When identity forgot them: what is dated until then does not come back.
    pub erased_at: Timestamp,
    /// When the last copy was removed.
    pub completed_at: Option<Timestamp>,
    /// How far it is.
    pub part: Part,
    /// How many rows were removed or changed of each table.
    pub counts: BTreeMap<String, u64>,
    place: Option<String>,
    wanted: Option<Vec<u8>>,
}

/// What is looked for: kept sealed, and only until all is found.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Wanted {
    /// The profile, and all that were part of it.
    pub(crate) people: Vec<ProfileId>,
    /// What they were known by: types and values, as they are compared and as they came.
    pub(crate) identifiers: Vec<(String, String)>,
}

impl std::fmt::Debug for Wanted {
    /// Names no person.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wanted").field("people", &self.people).finish_non_exhaustive()
    }
}

fn wanted_place(tenant: TenantId, row: &str) -> Place<'_> {
    Place { holder: Holder::Tenant(tenant), table: "erasures", row, column: "wanted" }
}

impl Wanted {
    pub(crate) fn of(people: Vec<ProfileId>, identifiers: &[identifier::Model]) -> Self {
        let mut known = Vec::new();
        for row in identifiers {
            let values = [Some(&row.value), row.raw.as_ref()];
            known.extend(values.into_iter().flatten().map(|value| (row.kind.clone(), value.clone())));
        }
        Self { people, identifiers: known }
    }

    pub(crate) fn seal(
        &self,
        sealer: &Sealer,
        tenant: TenantId,
        operation: OperationId,
    ) -> Result<Vec<u8>, StoreError> {
        sealer.seal(wanted_place(tenant, &operation.to_string()), to_json(self)?.as_bytes())
    }
}

impl TenantScope<'_> {
    /// The erasure that an operation does; nothing while the ledger has not come to it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn erasure(&self, operation: OperationId) -> Result<Option<ErasureRecord>, StoreError> {
        let row =
            erasure::Entity::find_by_id((self.key(), operation.to_string())).one(&self.reader()).await?;
        row.map(ErasureRecord::try_from).transpose()
    }
}

impl Store {
    /// The profiles of a person who is being erased.
    ///
    /// # Errors
    /// When it is done already, or the master key is another.
    pub fn erased_people(&self, erasure: &ErasureRecord) -> Result<Vec<ProfileId>, StoreError> {
        Ok(self.wanted(erasure)?.people)
    }

    fn wanted(&self, erasure: &ErasureRecord) -> Result<Wanted, StoreError> {
        erasure.wanted_by(self.sealer())
    }

    /// What was under way has ended: what was made of the person's messages can be removed.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn erasure_settled(&self, erasure: &ErasureRecord, now: Timestamp) -> Result<(), StoreError> {
        self.write_txn(Lane::Other, "erasure.settled", |txn: Txn| async move {
            advance(txn.as_ref(), erasure, &Progress::to(Part::Events), now).await
        })
        .await
    }

    /// The last copy is gone: what was looked for is forgotten too.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn erasure_done(&self, erasure: &ErasureRecord, now: Timestamp) -> Result<(), StoreError> {
        self.write_txn(Lane::Other, "erasure.done", |txn: Txn| async move {
            let done = Progress { completed_at: Some(now), ..Progress::to(Part::Done) };
            advance(txn.as_ref(), erasure, &done, now).await
        })
        .await
    }
}

impl ErasureRecord {
    fn wanted_by(&self, sealer: &Sealer) -> Result<Wanted, StoreError> {
        let corrupt = || StoreError::corrupt("erasures.wanted");
        let sealed = self.wanted.as_deref().ok_or_else(corrupt)?;
        let place = self.operation.to_string();
        let clear = sealer.open(wanted_place(self.tenant, &place), sealed)?;
        serde_json::from_slice(&clear).map_err(|_| corrupt())
    }
}

/// What a step of an erasure came to.
#[derive(Debug, Default)]
struct Progress {
    part: Option<Part>,
    /// Where the part goes on; nothing with the beginning of the next part.
    place: Option<String>,
    counts: BTreeMap<String, u64>,
    completed_at: Option<Timestamp>,
}

impl Progress {
    fn to(part: Part) -> Self {
        Self { part: Some(part), ..Self::default() }
    }

    fn at(place: Option<String>) -> Self {
        Self { place, ..Self::default() }
    }

    fn count(&mut self, table: &str, rows: u64) {
        if rows > 0 {
            *self.counts.entry(table.to_owned()).or_default() += rows;
        }
    }
}

/// Notes how far an erasure is, in the transaction of what it did, and counts that with the operation.
async fn advance(
    txn: &DatabaseTransaction,
    erasure: &ErasureRecord,
    progress: &Progress,
    now: Timestamp,
) -> Result<(), StoreError> {
    let key = (erasure.tenant.to_string(), erasure.operation.to_string());
    let row = erasure::Entity::find_by_id(key).one(txn).await?;
    let row = row.ok_or_else(|| StoreError::not_found("erasure"))?;
    let mut counts: BTreeMap<String, u64> = json(&row.counts, "erasures.counts")?;
    for (table, rows) in &progress.counts {
        *counts.entry(table.clone()).or_default() += rows;
    }
    let part = progress.part.map_or(row.part.clone(), |part| part.code().to_owned());
    let row = erasure::Model {
        wanted: row.wanted.filter(|_| progress.completed_at.is_none()),
        completed_at: progress.completed_at.map(Timestamp::micros).or(row.completed_at),
        part,
        place: progress.place.clone(),
        counts: to_json(&counts)?,
        ..row
    };
    bulk_insert::<erasure::Entity>(txn, vec![row], OnConflict::Replace).await?;
    let removed = progress.counts.values().sum();
    crate::operation::count_done(txn, erasure.tenant, erasure.operation, removed, now).await
}

impl TryFrom<erasure::Model> for ErasureRecord {
    type Error = StoreError;

    fn try_from(row: erasure::Model) -> Result<Self, StoreError> {
        Ok(Self {
            operation: id(&row.operation_id, "erasures.operation_id")?,
            tenant: id(&row.tenant_id, "erasures.tenant_id")?,
            profile: id(&row.profile_id, "erasures.profile_id")?,
            erased_at: Timestamp::from_micros(row.erased_at),
            completed_at: row.completed_at.map(Timestamp::from_micros),
            part: Part::from_code(&row.part).ok_or_else(|| StoreError::corrupt("erasures.part"))?,
            counts: json(&row.counts, "erasures.counts")?,
            place: row.place,
            wanted: row.wanted,
        })
    }
}
