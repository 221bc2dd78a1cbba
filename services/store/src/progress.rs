//! How far each partition is committed. The ledger writes it, in the transaction of what it committed.

use sea_orm::{EntityTrait, QueryOrder};
use tributary_domain::partition::Partition;

use crate::{Store, StoreError, column::number, entity::partition_progress};

/// How far a partition is, and who owns it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionProgress {
    /// Which partition.
    pub partition: Partition,
    /// The journal that the sequence is of: each has a random id of its own.
    pub journal: String,
    /// The sequence of the last message that was committed.
    pub seq: u64,
    /// Who owns it.
    pub owner: String,
    /// Raised with each owner: a commit of an earlier one changes nothing.
    pub epoch: u64,
}

impl Store {
    /// The progress of every partition that has any, in their order.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn partition_progress(&self) -> Result<Vec<PartitionProgress>, StoreError> {
        let query = partition_progress::Entity::find().order_by_asc(partition_progress::Column::Partition);
        let rows = query.all(self.reader()).await?;
        rows.into_iter().map(PartitionProgress::try_from).collect()
    }
}

impl TryFrom<partition_progress::Model> for PartitionProgress {
    type Error = StoreError;

    fn try_from(row: partition_progress::Model) -> Result<Self, StoreError> {
        let partition = number(row.partition, "partition_progress.partition").map(Partition::new)?;
        Ok(Self {
            partition: partition.ok_or_else(|| StoreError::corrupt("partition_progress.partition"))?,
            journal: row.journal_id,
            seq: number(row.seq, "partition_progress.seq")?,
            owner: row.owner,
            epoch: number(row.epoch, "partition_progress.epoch")?,
        })
    }
}
