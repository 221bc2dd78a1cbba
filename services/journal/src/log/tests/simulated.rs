//! A disk in memory that can lose power.
//!
//! It keeps what was synced and what was only written apart. When the power goes, every sector of every write that
//! was not synced is kept or lost on its own, and so is every name. It can also stop at a given operation, refuse
//! syncs and run full.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, MutexGuard},
};

use super::{
    super::disk::{Disk, DiskFile},
    support::Dice,
};

/// What a disk writes as a whole.
const SECTOR: usize = 512;

#[derive(Debug, Clone)]
pub(super) struct SimulatedDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Clone, Default)]
struct State {
    files: Vec<Contents>,
    /// Names as the process sees them.
    names: BTreeMap<String, usize>,
    /// Names as they were synced.
    durable_names: BTreeMap<String, usize>,
    /// Operations that change something, so far.
    operations: u64,
    /// The operation at which the process dies.
    stop_at: Option<u64>,
    /// Syncs that fail: all from this operation on.
    sync_fails: bool,
    full: bool,
    free: u64,
}

#[derive(Debug, Clone, Default)]
struct Contents {
    /// Bytes as the process sees them.
    seen: Vec<u8>,
    /// Bytes as they were synced.
    durable: Vec<u8>,
    /// Writes since the last sync.
    unsynced: Vec<(usize, Vec<u8>)>,
}

impl State {
    /// Counts an operation; every one from the fatal one on fails.
    fn operation(&mut self) -> io::Result<()> {
        self.operations += 1;
        match self.stop_at {
            Some(stop) if self.operations >= stop => Err(io::Error::other("the process is dead")),
            _ => Ok(()),
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        self.operation()?;
        if self.sync_fails { Err(io::Error::other("input/output error")) } else { Ok(()) }
    }

    fn find(&self, name: &str) -> io::Result<usize> {
        self.names.get(name).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl SimulatedDisk {
    pub(super) fn new() -> Self {
        Self { state: Arc::new(Mutex::new(State { free: u64::MAX, ..State::default() })) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no test panics while it holds the state")
    }

    /// How many operations changed something so far.
    pub(super) fn operations(&self) -> u64 {
        self.state().operations
    }

    /// Lets the process die at operation `stop`.
    pub(super) fn stop_at(&self, stop: u64) {
        self.state().stop_at = Some(stop);
    }

    /// Lets every sync fail, or none.
    pub(super) fn fail_syncs(&self, fail: bool) {
        self.state().sync_fails = fail;
    }

    /// Lets the volume have `free` bytes free, and refuse space for new files if that is none.
    pub(super) fn set_free(&self, free: u64) {
        let mut state = self.state();
        state.free = free;
        state.full = free == 0;
    }

    /// What a new process finds after the old one was killed: everything written, synced or not.
    pub(super) fn after_kill(&self) -> Self {
        let mut state = self.state().clone();
        (state.operations, state.stop_at, state.sync_fails) = (0, None, false);
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// What is found after the power was cut: of what was not synced, whatever `dice` leave.
    pub(super) fn after_power_loss(&self, dice: &mut Dice) -> Self {
        let mut state = self.state().clone();
        (state.operations, state.stop_at, state.sync_fails) = (0, None, false);
        for file in &mut state.files {
            let mut bytes = std::mem::take(&mut file.durable);
            // Now and then everything or nothing is kept; else each sector on its own.
            let mode = dice.roll(4);
            for (offset, data) in file.unsynced.drain(..).filter(|_| mode != 1) {
                let end = offset + data.len();
                if bytes.len() < end {
                    bytes.resize(end, 0);
                }
                let mut at = offset;
                while at < end {
                    let next = (at / SECTOR + 1) * SECTOR;
                    let to = next.min(end);
                    if mode == 0 || (mode > 1 && dice.coin()) {
                        bytes[at..to].copy_from_slice(&data[at - offset..to - offset]);
                    }
                    at = to;
                }
            }
            file.seen.clone_from(&bytes);
            file.durable = bytes;
        }
        let mut names = state.durable_names.clone();
        let touched: Vec<_> = names.keys().chain(state.names.keys()).cloned().collect();
        for name in touched {
            if dice.coin() {
                match state.names.get(&name) {
                    Some(file) => names.insert(name, *file),
                    None => names.remove(&name),
                };
            }
        }
        state.names.clone_from(&names);
        state.durable_names = names;
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// Deletes a file behind the log's back.
    pub(super) fn lose(&self, name: &str) {
        self.state().names.remove(name);
    }

    /// The names of the segments, oldest first.
    pub(super) fn segments(&self) -> Vec<String> {
        self.state().names.keys().filter(|name| name.ends_with(".log")).cloned().collect()
    }

    /// Changes a file's bytes behind the log's back.
    pub(super) fn edit(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.state();
        let file = state.names[name];
        let contents = &mut state.files[file];
        change(&mut contents.seen);
        contents.durable = contents.seen.clone();
        contents.unsynced.clear();
    }

    /// A file's bytes.
    pub(super) fn bytes(&self, name: &str) -> Vec<u8> {
        let state = self.state();
        state.files[state.names[name]].seen.clone()
    }
}

impl Disk for SimulatedDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.state().names.keys().cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.state();
        state.operation()?;
        let file = state.files.len();
        state.files.push(Contents::default());
        state.names.insert(name.to_owned(), file);
        Ok(Box::new(SimulatedFile { disk: self.clone(), file }))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let file = self.state().find(name)?;
        Ok(Box::new(SimulatedFile { disk: self.clone(), file }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.state();
        state.operation()?;
        let file = state.find(from)?;
        state.names.remove(from);
        state.names.insert(to.to_owned(), file);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.state();
        state.operation()?;
        state.find(name)?;
        state.names.remove(name);
        Ok(())
    }

    fn sync_names(&self) -> io::Result<()> {
        let mut state = self.state();
        state.sync()?;
        state.durable_names = state.names.clone();
        Ok(())
    }

    fn free_bytes(&self) -> io::Result<u64> {
        Ok(self.state().free)
    }
}

#[derive(Debug)]
struct SimulatedFile {
    disk: SimulatedDisk,
    file: usize,
}

impl DiskFile for SimulatedFile {
    fn bytes(&self) -> io::Result<u64> {
        Ok(self.disk.state().files[self.file].seen.len() as u64)
    }

    fn allocate(&self, length: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        state.operation()?;
        if state.full {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let contents = &mut state.files[self.file];
        contents.seen.resize(length as usize, 0);
        contents.unsynced.push((length as usize, Vec::new()));
        Ok(())
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        // A process that dies in a write has written a part of it.
        let done = state.operation();
        let written = if done.is_ok() { bytes } else { &bytes[..bytes.len() / 2] };
        let contents = &mut state.files[self.file];
        let (from, to) = (offset as usize, offset as usize + written.len());
        contents.seen[from..to].copy_from_slice(written);
        contents.unsynced.push((from, written.to_vec()));
        done
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let state = self.disk.state();
        let seen = &state.files[self.file].seen;
        let from = (offset as usize).min(seen.len());
        let read = buffer.len().min(seen.len() - from);
        buffer[..read].copy_from_slice(&seen[from..from + read]);
        Ok(read)
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.disk.state();
        if let Err(error) = state.sync() {
            // As the kernel does: the pages count as clean from now on, though they are not on the disk.
            if state.sync_fails {
                state.files[self.file].unsynced.clear();
            }
            return Err(error);
        }
        let contents = &mut state.files[self.file];
        for (offset, data) in contents.unsynced.drain(..) {
            let end = offset + data.len();
            if contents.durable.len() < end {
                contents.durable.resize(end, 0);
            }
            contents.durable[offset..end].copy_from_slice(&data);
        }
        Ok(())
    }
}
