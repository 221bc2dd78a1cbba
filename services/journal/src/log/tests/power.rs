//! Kills and power cuts at every operation: what was acknowledged is there, in order, and nothing else.

use std::{collections::BTreeMap, sync::Arc};

use tokio::sync::oneshot::Receiver;
use tributary_domain::{id::MessageId, partition::PartitionSet};

use super::{
    super::{
        disk::Disk,
        local::{prepare, release, waiting},
        reader,
        shared::Shared,
        writer::Writer,
    },
    simulated::SimulatedDisk,
    support::{ALL, Dice, RANDOM, message, small},
};
use crate::{Accepted, AppendError};

/// What the outside world knows.
#[derive(Debug, Default)]
struct World {
    /// What was acknowledged and not released, by sequence.
    acknowledged: BTreeMap<u64, Accepted>,
    /// All that was ever handed to the journal.
    sent: BTreeMap<MessageId, Accepted>,
    /// What a reader has seen, by sequence: readers may have acted on it.
    seen: BTreeMap<u64, Accepted>,
    released: u64,
}

type Answer = Receiver<Result<u64, AppendError>>;

impl World {
    fn send(&mut self, dice: &mut Dice) -> Accepted {
        let number = self.sent.len() as u64 + 1;
        let message = message(number, dice.roll(3_000) as usize);
        self.sent.insert(message.message, message.clone());
        message
    }

    /// Sends some messages at once, lets the writer write, and notes the answers; false when the process is dead.
    fn round(&mut self, shared: &Shared, writer: &mut Writer, dice: &mut Dice) -> bool {
        let mut answers: Vec<(Accepted, Answer)> = Vec::new();
        for _ in 0..=dice.roll(4) {
            let message = self.send(dice);
            let (waiting, answer) = waiting(message.clone(), shared.options.record_bytes).expect("small");
            if shared.queue.push(waiting).is_ok() {
                answers.push((message, answer));
            }
        }
        if answers.is_empty() {
            return false;
        }
        let mut alive = writer.step();
        while alive && answers.iter().any(|(_, answer)| answer.is_empty()) {
            alive = writer.step();
        }
        for (message, mut answer) in answers {
            if let Ok(Ok(sequence)) = answer.try_recv() {
                assert!(self.acknowledged.insert(sequence, message).is_none(), "{sequence} was given twice");
            }
        }
        alive
    }

    /// Reads everything and compares it with what has to be there.
    fn check(&mut self, shared: &Shared) {
        let tail = shared.tail.borrow().synced;
        let mut after = shared.segments.first() - 1;
        let mut before = after;
        let mut found = BTreeMap::new();
        while after < tail {
            let batch = reader::read(shared, PartitionSet::all(), after, ALL).expect("reads");
            assert!(batch.through > after, "a read makes progress");
            after = batch.through;
            for entry in batch.entries {
                assert!(entry.sequence > before, "out of order");
                before = entry.sequence;
                found.insert(entry.sequence, entry.message);
            }
        }
        for (sequence, message) in &self.acknowledged {
            assert_eq!(found.get(sequence), Some(message), "{sequence} was acknowledged");
        }
        for (sequence, message) in self.seen.range(self.released + 1..) {
            assert_eq!(found.get(sequence), Some(message), "{sequence} was seen by a reader");
        }
        for (sequence, message) in found {
            assert_eq!(self.sent.get(&message.message), Some(&message), "nobody sent this");
            self.seen.insert(sequence, message);
        }
    }

    /// Releases up to somewhere near the tail; false when the process is dead.
    fn release(&mut self, shared: &Shared, dice: &mut Dice) -> bool {
        let tail = shared.tail.borrow().synced;
        let up_to = tail - dice.roll(4).min(tail);
        let alive = release(shared, up_to).is_ok();
        // Whether or not it was told so: what was to be released need not be there any more.
        self.released = self.released.max(up_to);
        self.acknowledged = self.acknowledged.split_off(&(self.released + 1));
        alive
    }
}

/// Opens the journal; none when the process died meanwhile.
fn start(disk: &SimulatedDisk) -> Option<(Arc<Shared>, Writer)> {
    let seam: Arc<dyn Disk> = Arc::new(disk.clone());
    match prepare(seam, small(), 0, RANDOM) {
        Ok((shared, _, writer, _)) => Some((shared, writer)),
        Err(error) => {
            assert!(format!("{error}").contains("the process is dead"), "only that stops a start: {error}");
            None
        }
    }
}

/// Lives through several lives of a process, each ended at an operation of the dice's choice by a kill or a power cut.
/// `first_stop` is where the first life ends. Returns whether the first life ended there.
fn lives(seed: u64, first_stop: u64) -> bool {
    let mut dice = Dice(seed);
    let mut world = World::default();
    let mut disk = SimulatedDisk::new();
    let mut stopped = false;
    for life in 0..4 {
        disk.stop_at(if life == 0 { first_stop } else { 1 + dice.roll(40) });
        if let Some((shared, mut writer)) = start(&disk) {
            world.check(&shared);
            for _ in 0..12 {
                if !world.round(&shared, &mut writer, &mut dice) {
                    break;
                }
                world.check(&shared);
                if dice.roll(5) == 0 && !world.release(&shared, &mut dice) {
                    break;
                }
            }
        }
        if life == 0 {
            stopped = disk.operations() >= first_stop;
        }
        disk = if dice.coin() { disk.after_kill() } else { disk.after_power_loss(&mut dice) };
    }
    let (shared, mut writer) = start(&disk).expect("the last life is not stopped");
    world.check(&shared);
    assert!(world.round(&shared, &mut writer, &mut dice), "it goes on");
    world.check(&shared);
    stopped
}

#[test]
fn what_was_acknowledged_survives_an_end_at_every_operation() {
    let mut stop = 1;
    while lives(stop, stop) {
        stop += 1;
    }
    assert!(stop > 40, "only {stop} operations were tried");
}

#[test]
fn what_was_acknowledged_survives_power_cuts_by_chance() {
    for seed in 0..1_000 {
        lives(0x00c0_ffee + seed, 1 + seed % 60);
    }
}
