//! Random histories over real files, against a list in memory.

use proptest::{collection::vec, prelude::*};
use tributary_domain::partition::{Partition, PartitionSet};

use super::{
    super::LocalLog,
    support::{everything, message, open_in},
};
use crate::{Accepted, Journal, ReadLimit};

#[derive(Debug, Clone)]
enum Step {
    /// Append messages of these sizes at once.
    Append(Vec<usize>),
    /// Read the partitions of these bits from a place between the first and the last, with this limit.
    Read { bits: u64, place: u64, messages: usize, bytes: usize },
    /// Release up to a place.
    Release { place: u64 },
    /// Close and open again, with committed progress this far above the tail.
    Reopen { ahead: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => vec(0_usize..6_000, 1..6).prop_map(Step::Append),
        4 => (any::<u64>(), any::<u64>(), 0_usize..8, 0_usize..20_000)
            .prop_map(|(bits, place, messages, bytes)| Step::Read { bits, place, messages, bytes }),
        1 => any::<u64>().prop_map(|place| Step::Release { place }),
        1 => (0_u64..3).prop_map(|ahead| Step::Reopen { ahead }),
    ]
}

/// The list in memory.
#[derive(Debug, Default)]
struct Model {
    kept: Vec<(u64, Accepted)>,
    sent: u64,
    released: u64,
    tail: u64,
}

impl Model {
    async fn append(&mut self, log: &LocalLog, sizes: &[usize]) {
        for size in sizes {
            self.sent += 1;
            let message = message(self.sent, *size);
            let sequence = log.append(message.clone()).await.expect("appends");
            assert!(sequence > self.tail, "sequences rise");
            self.tail = sequence;
            self.kept.push((sequence, message));
        }
    }

    /// A place from just before the first kept sequence up to the tail.
    fn place(&self, log: &LocalLog, place: u64) -> u64 {
        let before = log.first() - 1;
        before + place % (self.tail.max(before) - before + 1)
    }

    async fn read(&self, log: &LocalLog, partitions: PartitionSet, after: u64, limit: ReadLimit) {
        if after >= self.tail {
            return;
        }
        let batch = log.read(partitions, after, limit).await.expect("reads");
        assert!(batch.through > after && batch.through <= self.tail);
        let wanted: Vec<_> = self
            .kept
            .iter()
            .filter(|(sequence, _)| (after + 1..=batch.through).contains(sequence))
            .filter(|(_, message)| partitions.contains(message.partition()))
            .collect();
        let found: Vec<_> =
            batch.entries.iter().map(|entry| (entry.sequence, entry.message.clone())).collect();
        assert_eq!(wanted.into_iter().cloned().collect::<Vec<_>>(), found);
        assert!(batch.entries.iter().all(|entry| entry.partition == Partition::of(entry.message.tenant)));
        assert!(found.len() <= limit.messages.max(1));
        let bytes: usize = found.iter().map(|(_, message)| message.to_bytes().len()).sum();
        assert!(found.len() <= 1 || bytes <= limit.bytes);
    }

    async fn release(&mut self, log: &LocalLog, up_to: u64) {
        log.release(up_to).await.expect("releases");
        self.released = self.released.max(up_to);
        let first = log.first();
        let lost = self.kept.iter().find(|(sequence, _)| *sequence > self.released && *sequence < first);
        assert_eq!(lost, None, "what was not released is kept");
        self.kept.retain(|(sequence, _)| *sequence >= first);
    }
}

async fn run(steps: Vec<Step>) {
    let dir = tempfile::tempdir().expect("a folder");
    let (mut log, recovery) = open_in(dir.path(), 0);
    let mut model = Model::default();
    for step in steps {
        match step {
            Step::Append(sizes) => model.append(&log, &sizes).await,
            Step::Read { bits, place, messages, bytes } => {
                let after = model.place(&log, place);
                model.read(&log, PartitionSet::from_bits(bits), after, ReadLimit { messages, bytes }).await;
            }
            Step::Release { place } => {
                let up_to = model.place(&log, place);
                model.release(&log, up_to).await;
            }
            Step::Reopen { ahead } => {
                log.close().await;
                let (again, found) = open_in(dir.path(), model.tail + ahead);
                assert_eq!((found.journal, found.created), (recovery.journal, false));
                assert_eq!((found.first, found.truncated_bytes), (log.first(), 0));
                log = again;
                if !model.kept.is_empty() {
                    assert_eq!(log.tail(), model.tail);
                }
                // From now on numbers up to there are used up.
                model.tail = log.tail();
            }
        }
    }
    let rest = everything(&log, PartitionSet::all(), log.first() - 1).await;
    let rest: Vec<_> = rest.entries.into_iter().map(|entry| (entry.sequence, entry.message)).collect();
    assert_eq!(rest, model.kept);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_history_reads_as_a_list_would(steps in vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(run(steps));
    }
}
