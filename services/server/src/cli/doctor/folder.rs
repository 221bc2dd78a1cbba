//! The data folder, and the space it has.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use rustix::fs::{Access, access, statvfs};

use super::Finding;
use crate::config::Config;

const WHAT: &str = "data folder";
const SPACE: &str = "free space";
const KEYS: &str = "keys";
/// Below so many times the reserve, the end is near.
const NEAR: u64 = 2;

/// Whether the folder can be written to, how far it is from the journal's reserve, and whether its keys are private.
pub(super) fn check(config: &Config) -> Vec<Finding> {
    let folder = config.data_dir.as_path();
    if !folder.exists() {
        let detail = format!("{} is not there yet: the first start makes it", folder.display());
        return vec![Finding::warn(WHAT, detail, "start the server, or name the right one with --data-dir")];
    }
    let keys = [config.token_file(), folder.join("master.key")];
    vec![writable(folder), space(folder, config.journal.reserve_bytes), private(&keys)]
}

/// Whether nobody but their owner can read the keys that are there.
fn private(keys: &[PathBuf]) -> Finding {
    let is_open =
        |key: &&PathBuf| fs::metadata(key).is_ok_and(|found| found.permissions().mode() & 0o077 != 0);
    match keys.iter().find(is_open) {
        None => Finding::ok(KEYS, "nobody else can read them"),
        Some(key) => Finding::fail(KEYS, format!("others can read {}", key.display()), "run chmod 600 on it"),
    }
}

fn writable(folder: &Path) -> Finding {
    let shown = folder.display();
    let is_folder = fs::metadata(folder).is_ok_and(|found| found.is_dir());
    if !is_folder {
        return Finding::fail(WHAT, format!("{shown} is no folder"), "name another one with --data-dir");
    }
    match access(folder, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK) {
        Ok(()) => Finding::ok(WHAT, format!("{shown} can be written to")),
        Err(error) => Finding::fail(
            WHAT,
            format!("{shown} cannot be written to: {error}"),
            "give it to the user who serves",
        ),
    }
}

fn space(folder: &Path, reserve: u64) -> Finding {
    match statvfs(folder) {
        Ok(volume) => judge(volume.f_bavail.saturating_mul(volume.f_frsize), reserve),
        Err(error) => Finding::warn(SPACE, format!("it cannot be asked for: {error}"), "look at the volume"),
    }
}

fn judge(free: u64, reserve: u64) -> Finding {
    let told = format!("{} free, {} are kept in reserve", mebibytes(free), mebibytes(reserve));
    match free {
        _ if free < reserve => {
            Finding::fail(SPACE, format!("{told}: webhooks are answered 503"), "make space on the volume")
        }
        _ if free < reserve.saturating_mul(NEAR) => {
            Finding::warn(SPACE, told, "make space on the volume soon")
        }
        _ => Finding::ok(SPACE, told),
    }
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}

#[cfg(test)]
mod tests {
    use super::{super::State, *};

    #[test]
    fn space_is_compared_with_the_reserve() {
        assert_eq!(judge(99 << 20, 100 << 20).state, State::Fail);
        assert_eq!(judge(150 << 20, 100 << 20).state, State::Warn);
        assert_eq!(judge(200 << 20, 100 << 20).state, State::Ok);
    }

    #[test]
    fn a_file_is_no_folder() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(writable(file.path()).state, State::Fail);
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(writable(folder.path()).state, State::Ok);
    }

    #[test]
    fn a_key_that_others_can_read_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("admin.token");
        assert_eq!(private(std::slice::from_ref(&key)).state, State::Ok, "none is there");
        for (mode, state) in [(0o600, State::Ok), (0o640, State::Fail), (0o604, State::Fail)] {
            fs::write(&key, "tra_x").unwrap();
            fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(private(std::slice::from_ref(&key)).state, state, "{mode:o}");
        }
    }
}
