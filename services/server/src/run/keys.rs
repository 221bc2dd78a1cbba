//! The master key, which seals the secrets of tenants in the database.

use std::{
    fmt::Write,
    io::{ErrorKind, Read},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use anyhow::{Context, bail};
use tributary_auth::create_private;
use tributary_telemetry::ambient::random_u128;

/// The key in the file at `path`, 32 bytes as hexadecimal digits; a new one where there is none.
pub(super) fn master_key(path: &Path) -> anyhow::Result<[u8; 32]> {
    let shown = path.display();
    let mut key = [0; 32];
    key[..16].copy_from_slice(&random_u128().to_be_bytes());
    key[16..].copy_from_slice(&random_u128().to_be_bytes());
    let mut digits = String::with_capacity(64);
    for byte in key {
        write!(digits, "{byte:02x}")?;
    }
    match create_private(path, digits.as_bytes()) {
        Ok(()) => Ok(key),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => read(path),
        Err(error) => Err(error).with_context(|| format!("cannot make the master key {shown}")),
    }
}

fn read(path: &Path) -> anyhow::Result<[u8; 32]> {
    let shown = path.display();
    let mut file =
        std::fs::File::open(path).with_context(|| format!("cannot read the master key {shown}"))?;
    if file.metadata()?.permissions().mode() & 0o077 != 0 {
        bail!("the master key {shown} can be read by others: run chmod 600 on it");
    }
    let mut digits = String::new();
    file.read_to_string(&mut digits).with_context(|| format!("cannot read the master key {shown}"))?;
    let digits = digits.trim();
    let byte = |index: usize| u8::from_str_radix(digits.get(index * 2..index * 2 + 2)?, 16).ok();
    let bytes: Option<Vec<u8>> = (0..32).map(byte).collect();
    match (digits.len(), bytes.and_then(|bytes| bytes.try_into().ok())) {
        (64, Some(key)) => Ok(key),
        _ => bail!("the master key {shown} does not hold 64 hexadecimal digits: restore it from a backup"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_made_once_and_kept() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("master.key");
        std::fs::write(path.with_extension("new"), "half, of a start that was cut off").expect("write");
        let key = master_key(&path).expect("made");
        assert_eq!(std::fs::read_dir(folder.path()).expect("read").count(), 1, "nothing is left beside it");
        assert_eq!(master_key(&path).expect("read"), key);
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).expect("chmod");
        assert!(master_key(&path).is_err(), "others can read it");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).expect("chmod");
        std::fs::write(&path, "short").expect("write");
        assert!(master_key(&path).is_err());
    }
}
