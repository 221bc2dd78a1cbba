//! The file that the admin token is kept in, and how files of secrets are made: readable by their owner only.

use std::{
    fs::{self, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use crate::AdminToken;

/// Nobody but the owner may read the file.
const MODE: u32 = 0o600;
/// No token file is longer; another file named by mistake is not read whole.
const MAX_LENGTH: u64 = 256;

/// Why the token's file could not be used.
#[derive(Debug, thiserror::Error)]
pub enum TokenFileError {
    /// It could not be read or written.
    #[error("cannot use the token file {path}: {error}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// Its content is something else.
    #[error("the token file {path} does not hold an admin token: remove it, and a new one is made")]
    Content {
        /// Which file.
        path: PathBuf,
    },
    /// Others can read it.
    #[error("the token file {path} can be read by others (mode {mode:o}): run chmod 600 on it")]
    Mode {
        /// Which file.
        path: PathBuf,
        /// The permissions it has.
        mode: u32,
    },
}

/// Reads the admin token from the file at `path`; where there is none, makes a token of `random` and writes it there
/// with permissions for its owner only.
///
/// # Errors
/// When the file cannot be read or written, holds something else, or can be read by others.
pub fn load_or_create(path: &Path, random: impl FnMut() -> u128) -> Result<AdminToken, TokenFileError> {
    let failed = |error| TokenFileError::Io { path: path.to_owned(), error };
    if path.try_exists().map_err(failed)? {
        return load(path);
    }
    match create(path, random) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => load(path),
        created => created.map_err(failed),
    }
}

fn create(path: &Path, random: impl FnMut() -> u128) -> io::Result<AdminToken> {
    let token = AdminToken::generate(random);
    create_private(path, format!("{}\n", token.secret()).as_bytes()).map(|()| token)
}

/// Makes the file at `path` with this content and with permissions for its owner only. The content is written beside
/// it, linked there whole and synced with its folder, so that a crash leaves all of it or nothing.
///
/// # Errors
/// `AlreadyExists` when there is a file already, which is left as it is; otherwise what the system says.
pub fn create_private(path: &Path, content: &[u8]) -> io::Result<()> {
    if path.try_exists()? {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    let draft = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(MODE).open(&draft)?;
    file.set_permissions(fs::Permissions::from_mode(MODE))?;
    file.write_all(content)?;
    file.sync_all()?;
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    linked?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::File::open(folder)?.sync_all()
}

fn load(path: &Path) -> Result<AdminToken, TokenFileError> {
    let failed = |error| TokenFileError::Io { path: path.to_owned(), error };
    let file = fs::File::open(path).map_err(failed)?;
    let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(TokenFileError::Mode { path: path.to_owned(), mode });
    }
    let mut text = String::new();
    file.take(MAX_LENGTH).read_to_string(&mut text).map_err(failed)?;
    text.trim().parse().map_err(|_| TokenFileError::Content { path: path.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_call_makes_the_token_and_later_ones_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin.token");
        let made = load_or_create(&path, || 5).unwrap();
        let read = load_or_create(&path, || panic!("no new token is made")).unwrap();
        assert_eq!(made.secret(), read.secret());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin.token");
        load_or_create(&path, || 5).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(load_or_create(&path, || 5), Err(TokenFileError::Mode { mode: 0o644, .. })));
    }

    #[test]
    fn a_file_with_something_else_is_refused_and_not_quoted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin.token");
        fs::write(&path, "tra_half").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let error = load_or_create(&path, || 5).unwrap_err();
        assert!(matches!(error, TokenFileError::Content { .. }));
        assert!(!error.to_string().contains("tra_half"));
    }
}
