//! Who owns a partition, and how far it is. Progress is (journal id, sequence); an owner's epoch is written with
//! every commit, so that a stale owner changes nothing (invariant 4).

use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, QueryFilter, Statement,
};
use serde_json::json;
use tributary_domain::{
    partition::{Partition, PartitionSet},
    time::Timestamp,
};

use crate::{
    Store, StoreError,
    audit::{self, Author, Deed},
    bulk,
    column::to_json,
    entity::partition_progress,
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

    pub(super) fn advance(&mut self, progress: &[(Partition, u64)]) {
        for (partition, sequence) in progress {
            if let Some(own) = self.progress.iter_mut().find(|(own, _)| own == partition) {
                own.1 = own.1.max(*sequence);
            }
        }
    }

    fn epoch(&self, partition: Partition) -> i64 {
        self.epochs.iter().find(|(own, _)| *own == partition).map_or(0, |(_, epoch)| *epoch)
    }

    /// Writes how far the partitions are, in the transaction of the effects; an error when another owner has taken
    /// one of them.
    pub(super) async fn commit(
        &self,
        txn: &DatabaseTransaction,
        progress: &[(Partition, u64)],
    ) -> Result<(), StoreError> {
        const SQLITE: &str = "UPDATE partition_progress SET seq = k.seq FROM \
            (SELECT value ->> 0 AS own, value ->> 1 AS epoch, value ->> 2 AS seq FROM jsonb_each(?1)) k \
            WHERE partition = k.own AND partition_progress.epoch = k.epoch AND journal_id = ?2 \
            AND partition_progress.seq < k.seq";
        const POSTGRES: &str = "UPDATE partition_progress SET seq = k.seq FROM \
            (SELECT (value ->> 0)::int AS own, (value ->> 1)::bigint AS epoch, (value ->> 2)::bigint AS seq \
            FROM jsonb_array_elements($1::jsonb)) k \
            WHERE partition = k.own AND partition_progress.epoch = k.epoch AND journal_id = $2 \
            AND partition_progress.seq < k.seq";
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
pub(super) const OWNERSHIP: &str = "partition ownership";

impl Store {
    /// The highest sequence that was ever committed: a new journal counts on from there.
    pub async fn committed_floor(&self) -> Result<u64, StoreError> {
        let rows = partition_progress::Entity::find().all(self.reader()).await?;
        Ok(rows.iter().map(|row| row.seq.cast_unsigned()).max().unwrap_or(0))
    }

    /// Takes `partitions` over for `owner`, whose journal is `journal` and ends at `tail`. A change of journal is
    /// recorded in the audit log and returned; it is never a silent skip.
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
            let wanted: Vec<i32> = partitions.iter().map(|partition| i32::from(partition.number())).collect();
            let filter = partition_progress::Column::Partition.is_in(wanted);
            let known = partition_progress::Entity::find().filter(filter).all(txn).await?;
            let gap = gap(&known, journal, tail);
            if let Some(gap) = &gap {
                audit::append(txn, None, &Author::new("ledger", now), &deed(journal, gap)).await?;
            }
            let rows: Vec<_> = partitions
                .iter()
                .map(|partition| {
                    let number = i32::from(partition.number());
                    let before = known.iter().find(|row| row.partition == number);
                    partition_progress::Model {
                        partition: number,
                        journal_id: journal.to_owned(),
                        seq: before.map_or(0, |row| row.seq),
                        owner: owner.to_owned(),
                        epoch: before.map_or(0, |row| row.epoch) + 1,
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
    let committed = known.iter().map(|row| row.seq.cast_unsigned()).max()?;
    let other = known.iter().find(|row| row.journal_id != journal);
    match other {
        Some(row) => Some(JournalGap::OtherJournal { before: row.journal_id.clone(), committed }),
        None => (tail < committed).then_some(JournalGap::OlderCopy { tail, committed }),
    }
}
