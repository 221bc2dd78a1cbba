//! The journal, looked at and not opened: opening it may cut off a torn end, which is the server's to do.

use std::{
    fs::File,
    io::{self, ErrorKind},
    path::Path,
};

use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};

use super::Finding;
use crate::config::Config;

const WHAT: &str = "journal";
/// Held by the process that has the journal open.
const LOCK: &str = "journal.lock";

/// Whether the journal can be opened, and whether somebody has it open.
pub(super) fn check(config: &Config) -> Finding {
    let folder = config.data_dir.join("journal");
    match look(&folder) {
        Ok((files, bytes, is_held)) => {
            let user = if is_held { "a server has it open" } else { "no server has it open" };
            Finding::ok(WHAT, format!("{files} files with {} MiB; {user}", bytes >> 20))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Finding::ok(WHAT, format!("{} is not there yet: the first start makes it", folder.display()))
        }
        Err(error) => Finding::fail(
            WHAT,
            format!("{} cannot be used: {error}", folder.display()),
            "give the folder and its files to the user who serves",
        ),
    }
}

/// Whether a server has the journal of this configuration open, as far as can be seen.
pub(super) fn is_open(config: &Config) -> bool {
    is_held(&config.data_dir.join("journal").join(LOCK)).unwrap_or(false)
}

/// How many files there are, their bytes, and whether the journal is open.
fn look(folder: &Path) -> io::Result<(usize, u64, bool)> {
    let (mut files, mut bytes) = (0, 0);
    for entry in folder.read_dir()? {
        let path = entry?.path();
        // Opened as a server would, and nothing is written.
        bytes += File::options().read(true).write(true).open(path)?.metadata()?.len();
        files += 1;
    }
    Ok((files, bytes, is_held(&folder.join(LOCK))?))
}

/// Asked by a lock that is shared and let go at once.
fn is_held(path: &Path) -> io::Result<bool> {
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        opened => opened?,
    };
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => Ok(false),
        Err(Errno::WOULDBLOCK) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_that_is_open_is_seen_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("segment"), [0; 10]).unwrap();
        let lock = File::create(folder.path().join(LOCK)).unwrap();
        assert_eq!(look(folder.path()).unwrap(), (2, 10, false));
        flock(&lock, FlockOperation::NonBlockingLockExclusive).unwrap();
        assert_eq!(look(folder.path()).unwrap(), (2, 10, true));
        flock(&lock, FlockOperation::Unlock).unwrap();
        assert_eq!(look(folder.path()).unwrap(), (2, 10, false), "the look took no lock with it");
    }
}
