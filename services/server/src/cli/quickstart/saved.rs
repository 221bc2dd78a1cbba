//! What the quickstart remembers in the data folder: what the server shows only once.

use std::{
    fmt, fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::cli::private;

const FILE: &str = "quickstart.json";

/// The demo's webhook URL, signing key and owner's password, and what they belong to.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::cli) struct Saved {
    /// The name of the source.
    pub(in crate::cli) source: String,
    /// Where its sender posts to.
    pub(in crate::cli) webhook_url: String,
    /// What its sender signs with.
    pub(in crate::cli) signing_key: String,
    /// The password of the agency's owner; empty when it is not known.
    #[serde(default)]
    pub(in crate::cli) owner_password: String,
    /// Where the echo receiver listens, so that it is found there again.
    pub(in crate::cli) echo_port: u16,
}

impl fmt::Debug for Saved {
    /// Without the secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Saved").field("source", &self.source).finish_non_exhaustive()
    }
}

impl Saved {
    /// The file in the data folder.
    pub(in crate::cli) fn file(folder: &Path) -> PathBuf {
        folder.join(FILE)
    }

    /// What is remembered in the data folder, if anything is.
    ///
    /// # Errors
    /// When the file cannot be read or holds something else.
    pub(in crate::cli) fn read(folder: &Path) -> anyhow::Result<Option<Self>> {
        let path = Self::file(folder);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        // Where in the file it went wrong is told, what stands there is not: it may be a secret.
        let saved = serde_json::from_slice(&bytes).map_err(|error| {
            anyhow::anyhow!(
                "{} was not written by the quickstart (line {}): remove it, and the demo gets a new webhook URL",
                path.display(),
                error.line()
            )
        })?;
        Ok(Some(saved))
    }

    /// Remembers it in the data folder, in place of what was there.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(in crate::cli) fn write(&self, folder: &Path) -> anyhow::Result<()> {
        let (draft, path) = (folder.join("quickstart.new"), folder.join(FILE));
        let write = || private::write(&path, &draft, serde_json::to_string_pretty(self)?.as_bytes());
        write().with_context(|| format!("cannot write {}", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn saved() -> Saved {
        Saved {
            source: "agencies/a/tenants/t/sources/s".to_owned(),
            webhook_url: "http://127.0.0.1:8080/in/canary".to_owned(),
            signing_key: "canary".to_owned(),
            owner_password: "canary".to_owned(),
            echo_port: 4_000,
        }
    }

    #[test]
    fn what_is_remembered_is_found_again_by_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Saved::read(folder.path()).unwrap(), None);
        fs::write(folder.path().join("quickstart.new"), "half").unwrap();
        saved().write(folder.path()).unwrap();
        let again = Saved { echo_port: 4_001, ..saved() };
        again.write(folder.path()).unwrap();
        assert_eq!(Saved::read(folder.path()).unwrap(), Some(again));
        let mode = fs::metadata(folder.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn secrets_are_neither_shown_nor_quoted() {
        assert!(!format!("{:?}", saved()).contains("canary"));
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE), r#"{"signing_key": "canary""#).unwrap();
        let error = format!("{:#}", Saved::read(folder.path()).unwrap_err());
        assert!(error.contains("remove it") && !error.contains("canary"), "{error}");
    }
}
