//! Files that only their owner may read: they hold secrets.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
};

/// Nobody but the owner may read the file.
const MODE: u32 = 0o600;

/// Writes the file at `path` in place of what was there; a crash leaves the one or the other. What is written first
/// stands at `draft`, in the same folder.
///
/// # Errors
/// What the system says.
pub(super) fn write(path: &Path, draft: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = open(draft)?;
    file.set_len(0)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(draft, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

/// The file at `path`, which is made where there is none; for its owner only, also where one was left by somebody who was
/// cut off.
///
/// # Errors
/// What the system says.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(MODE).open(path)?;
    file.set_permissions(fs::Permissions::from_mode(MODE))?;
    Ok(file)
}
