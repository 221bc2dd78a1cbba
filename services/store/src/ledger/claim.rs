//! Who owns a partition, and how far it is. Progress is (journal id, sequence); an owner's epoch is written with
//! every commit, so that a stale owner changes nothing (invariant 4).

use std::collections::BTreeMap;

use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, Statement,
};
use serde_json::json;
use tributary_domain::{
    partition::{Partition, PartitionSet},
    time::Timestamp,
};

use crate::{
    Store, StoreError,
    audit::{self, Author, Deed, Owner},
    bulk,
    column::to_json,
    entity::{journal_progress, partition_progress},
    txn::Txn,
};

/// The right to commit for some partitions.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Which partitions.
    pub partitions: PartitionSet,
    /// Who owns them.
    pub owner: String,
    /// The journal whose sequences the progress counts.
    pub journal: String,
    epochs: Vec<(Partition, i64)>,
    progress: Vec<(Partition, u64)>,
}

/// What a claim found: the progress was made in another journal, or beyond the end of this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JournalGap {
    /// The data was last fed by another journal; what that one held beyond `committed` is not here.
    OtherJournal {
        /// The id of that journal.
        before: String,
        /// The highest sequence that was committed from it.
        committed: u64,
    },
    /// This journal ends before what was already committed from it: it is an older copy.
    OlderCopy {
        /// Where it ends.
        tail: u64,
        /// The highest sequence that was committed.
        committed: u64,
    },
}

impl Claim {
    /// Everything up to here is committed in `partition`.
    pub fn progress(&self, partition: Partition) -> u64 {
        self.progress.iter().find(|(own, _)| *own == partition).map_or(0, |(_, sequence)| *sequence)
    }

    /// The lowest progress of all: where reading has to begin.
    pub fn lowest(&self) -> u64 {
        self.progress.iter().map(|(_, sequence)| *sequence).min().unwrap_or(0)
    }

    /// The highest progress of all.
    pub(super) fn highest(&self) -> u64 {
        self.progress.iter().map(|(_, sequence)| *sequence).max().unwrap_or(0)
    }

    pub(super) fn advance(&mut self, progress: &BTreeMap<Partition, Option<u64>>) {
        for (partition, sequence) in progress.iter().filter_map(|(own, done)| Some((own, done.as_ref()?))) {
            if let Some(own) = self.progress.iter_mut().find(|(own, _)| own == partition) {
                own.1 = own.1.max(*sequence);
            }
        }
    }

    fn epoch(&self, partition: Partition) -> i64 {
        self.epochs.iter().find(|(own, _)| *own == partition).map_or(0, |(_, epoch)| *epoch)
    }

    /// Writes how far the partitions are, in the transaction of the effects; an error when another owner has taken
    /// one of them. No sequence: the partition stays where it is, and only its owner is looked at.
    pub(crate) async fn commit(
        &self,
        txn: &DatabaseTransaction,
        progress: &BTreeMap<Partition, Option<u64>>,
    ) -> Result<(), StoreError> {
        const SQLITE: &str = "UPDATE partition_progress SET seq = coalesce(k.seq, partition_progress.seq) FROM \
            (SELECT value ->> 0 AS own, value ->> 1 AS epoch, value ->> 2 AS seq FROM jsonb_each(?1)) k \
            WHERE partition = k.own AND partition_progress.epoch = k.epoch AND journal_id = ?2 \
            AND (k.seq IS NULL OR partition_progress.seq < k.seq)";
        const POSTGRES: &str = "UPDATE partition_progress SET seq = coalesce(k.seq, partition_progress.seq) FROM \
            (SELECT (value ->> 0)::int AS own, (value ->> 1)::bigint AS epoch, (value ->> 2)::bigint AS seq \
            FROM jsonb_array_elements($1::jsonb)) k \
            WHERE partition = k.own AND partition_progress.epoch = k.epoch AND journal_id = $2 \
            AND (k.seq IS NULL OR partition_progress.seq < k.seq)";
        if progress.is_empty() {
            return Ok(());
        }
        let rows: Vec<_> = progress
            .iter()
            .map(|(partition, sequence)| (partition.number(), self.epoch(*partition), sequence))
            .collect();
        let backend = txn.get_database_backend();
        let sql = if backend == DbBackend::Sqlite { SQLITE } else { POSTGRES };
        let values = [to_json(&rows)?.into(), self.journal.as_str().into()];
        let written =
            txn.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?.rows_affected();
        if written == rows.len() as u64 { Ok(()) } else { Err(StoreError::state(OWNERSHIP)) }
    }
}

/// What a stale owner's commit is in conflict with.
pub(crate) const OWNERSHIP: &str = "partition ownership";

impl Store {
    /// The highest sequence that was ever committed, whatever its journal: sequences go on above it.
    pub async fn committed_floor(&self) -> Result<u64, StoreError> {
        let now = partition_progress::Entity::find().all(self.reader()).await?;
        let before = journal_progress::Entity::find().all(self.reader()).await?;
        let rows = now.iter().map(|row| row.seq).chain(before.iter().map(|row| row.seq));
        Ok(rows.map(i64::cast_unsigned).max().unwrap_or(0))
    }

    /// Takes `partitions` over for `owner`, whose journal is `journal` and ends at `tail`. Progress counts in one
    /// journal and means nothing in another: how far each one was is kept, so that one which comes back goes on
    /// where it was left, and nothing of a new one is taken for done. A change of journal is recorded in the audit
    /// log and returned.
    pub async fn claim(
        &self,
        partitions: PartitionSet,
        owner: &str,
        journal: &str,
        tail: u64,
        now: Timestamp,
    ) -> Result<(Claim, Option<JournalGap>), StoreError> {
        self.write_txn(crate::Lane::Ledger, "ledger.claim", |txn: Txn| async move {
            let txn = txn.as_ref();
            let numbers: Vec<i32> =
                partitions.iter().map(|partition| i32::from(partition.number())).collect();
            let known = locked(txn, &numbers).await?;
            let own = journal_progress::Entity::find()
                .filter(journal_progress::Column::JournalId.eq(journal))
                .all(txn)
                .await?;
            let gap = gap(&known, journal, tail);
            if let Some(gap) = &gap {
                audit::append(txn, Owner::Installation, &Author::new("ledger", now), &deed(journal, gap))
                    .await?;
            }
            keep_others(txn, &known, journal).await?;
            let rows: Vec<_> = known
                .into_iter()
                .map(|row| {
                    let left = own.iter().find(|left| left.partition == row.partition);
                    let seq =
                        if row.journal_id == journal { row.seq } else { left.map_or(0, |left| left.seq) };
                    partition_progress::Model {
                        partition: row.partition,
                        journal_id: journal.to_owned(),
                        seq,
                        owner: owner.to_owned(),
                        epoch: row.epoch + 1,
                    }
                })
                .collect();
            bulk::bulk_insert::<partition_progress::Entity>(txn, rows.clone(), bulk::OnConflict::Replace)
                .await?;
            let numbered = || partitions.iter().zip(&rows);
            let claim = Claim {
                partitions,
                owner: owner.to_owned(),
                journal: journal.to_owned(),
                epochs: numbered().map(|(partition, row)| (partition, row.epoch)).collect(),
                progress: numbered().map(|(partition, row)| (partition, row.seq.cast_unsigned())).collect(),
            };
            Ok((claim, gap))
        })
        .await
    }
}

/// The rows of these partitions in their order, locked until the transaction ends: a commit of the owner before is
/// waited for, and then seen. A partition that never had one gets its row first, so that there is one to lock.
async fn locked(
    txn: &DatabaseTransaction,
    partitions: &[i32],
) -> Result<Vec<partition_progress::Model>, StoreError> {
    let first = partitions.iter().map(|partition| partition_progress::Model {
        partition: *partition,
        journal_id: String::new(),
        seq: 0,
        owner: String::new(),
        epoch: 0,
    });
    bulk::bulk_insert::<partition_progress::Entity>(txn, first.collect(), bulk::OnConflict::Ignore).await?;
    let rows = partition_progress::Entity::find()
        .filter(partition_progress::Column::Partition.is_in(partitions.iter().copied()))
        .order_by_asc(partition_progress::Column::Partition)
        .lock_exclusive()
        .all(txn)
        .await?;
    Ok(rows)
}

/// Keeps how far the partitions were in other journals than `journal`.
async fn keep_others(
    txn: &DatabaseTransaction,
    known: &[partition_progress::Model],
    journal: &str,
) -> Result<(), StoreError> {
    let others = known.iter().filter(|row| row.journal_id != journal && row.seq > 0);
    let rows = others.map(|row| journal_progress::Model {
        journal_id: row.journal_id.clone(),
        partition: row.partition,
        seq: row.seq,
    });
    bulk::bulk_insert::<journal_progress::Entity>(txn, rows.collect(), bulk::OnConflict::Replace).await?;
    Ok(())
}

fn deed(journal: &str, gap: &JournalGap) -> Deed {
    match gap {
        JournalGap::OtherJournal { before, committed } => {
            Deed::new("journal.replaced", journal).with(json!({"before": before, "committed": committed}))
        }
        JournalGap::OlderCopy { tail, committed } => {
            Deed::new("journal.older_copy", journal).with(json!({"tail": tail, "committed": committed}))
        }
    }
}

fn gap(known: &[partition_progress::Model], journal: &str, tail: u64) -> Option<JournalGap> {
    let highest = |of: &str| {
        known.iter().filter(|row| row.journal_id == of).map(|row| row.seq.cast_unsigned()).max().unwrap_or(0)
    };
    let other = known.iter().find(|row| row.journal_id != journal && !row.journal_id.is_empty());
    if let Some(row) = other {
        let committed = highest(&row.journal_id);
        return Some(JournalGap::OtherJournal { before: row.journal_id.clone(), committed });
    }
    let committed = highest(journal);
    (tail < committed).then_some(JournalGap::OlderCopy { tail, committed })
}
