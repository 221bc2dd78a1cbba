//! Where contexts are kept: a file for its owner only, which is changed by one command at a time.

use std::{
    env, fs,
    fs::{DirBuilder, File},
    io::ErrorKind,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};

use super::file::Contexts;
use crate::cli::private;

/// The folder in the user's configuration folder.
const FOLDER: &str = "tributary";
const FILE: &str = "contexts.json";
const DRAFT: &str = "contexts.json.new";
const LOCK: &str = "contexts.lock";
/// Nobody else has to look into the folder.
const FOLDER_MODE: u32 = 0o700;

/// The file of contexts.
#[derive(Debug, Clone)]
pub(super) struct Store {
    folder: PathBuf,
}

/// The right to change the file. It ends when this is dropped, or the process ends.
#[derive(Debug)]
pub(super) struct Locked<'a> {
    store: &'a Store,
    _lock: File,
}

impl Store {
    /// The one of this user; none where nothing says where their configuration is.
    pub(super) fn here() -> Option<Self> {
        let folder = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let base = folder("XDG_CONFIG_HOME").or_else(|| Some(folder("HOME")?.join(".config")))?;
        Some(Self { folder: base.join(FOLDER) })
    }

    /// The one of this user.
    ///
    /// # Errors
    /// When nothing says where their configuration is.
    pub(super) fn required() -> anyhow::Result<Self> {
        Self::here().context("set HOME or XDG_CONFIG_HOME: contexts are kept below it")
    }

    /// Where the file is.
    pub(super) fn path(&self) -> PathBuf {
        self.folder.join(FILE)
    }

    /// What is in the file.
    ///
    /// # Errors
    /// When it cannot be read, others can read it, or something else is in it.
    pub(super) fn read(&self) -> anyhow::Result<Contexts> {
        let path = self.path();
        let mode = match fs::metadata(&path) {
            Ok(found) => found.permissions().mode() & 0o777,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Ok(Contexts::default());
            }
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        if mode & 0o077 != 0 {
            bail!("{} can be read by others (mode {mode:o}): run chmod 600 on it", path.display());
        }
        let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        // Where in the file it went wrong is told, what stands there is not: it may be a secret.
        serde_json::from_slice(&bytes).map_err(|error| {
            anyhow::anyhow!("{} is not a file of contexts (line {}): remove it", path.display(), error.line())
        })
    }

    /// Waits until no other command changes the file.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub(super) fn lock(&self) -> anyhow::Result<Locked<'_>> {
        self.locked().with_context(|| format!("cannot write in {}", self.folder.display()))
    }

    fn locked(&self) -> std::io::Result<Locked<'_>> {
        DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(&self.folder)?;
        let lock = private::open(&self.folder.join(LOCK))?;
        lock.lock()?;
        Ok(Locked { store: self, _lock: lock })
    }

    #[cfg(test)]
    pub(super) fn at(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }
}

impl Locked<'_> {
    /// What is in the file now.
    ///
    /// # Errors
    /// As for [`Store::read`].
    pub(super) fn read(&self) -> anyhow::Result<Contexts> {
        self.store.read()
    }

    /// Writes the file in place of what is there.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn write(&self, contexts: &Contexts) -> anyhow::Result<()> {
        let (path, draft): (PathBuf, &Path) = (self.store.path(), &self.store.folder.join(DRAFT));
        let content = serde_json::to_vec_pretty(contexts)?;
        private::write(&path, draft, &content).with_context(|| format!("cannot write {}", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, thread};

    use super::{
        super::file::{Context, Credentials},
        *,
    };

    fn contexts(tokens: usize) -> Contexts {
        let context = Context {
            name: String::new(),
            server: "https://x".to_owned(),
            ca: None,
            principal: tokens.to_string(),
            agency: None,
            tenant: None,
            credentials: Some(Credentials::Token { token: "trk_canary".to_owned() }),
        };
        Contexts { current: Some("x".to_owned()), contexts: BTreeMap::from([("x".to_owned(), context)]) }
    }

    #[test]
    fn contexts_are_kept_for_their_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(&folder.path().join("deep/tributary"));
        assert_eq!(store.read().unwrap(), Contexts::default());
        store.lock().unwrap().write(&contexts(1)).unwrap();
        assert_eq!(store.read().unwrap(), contexts(1));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&store.path()), mode(&store.folder)), (0o600, 0o700));
        assert!(!format!("{:?}", store.read().unwrap()).contains("canary"));
        fs::set_permissions(store.path(), fs::Permissions::from_mode(0o640)).unwrap();
        assert!(store.read().unwrap_err().to_string().contains("chmod 600"));
        fs::set_permissions(store.path(), fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(store.path(), r#"{"token": "trk_canary"}"#).unwrap();
        let told = format!("{:#}", store.read().unwrap_err());
        assert!(told.contains("remove it") && !told.contains("canary"), "{told}");
    }

    #[test]
    fn no_change_is_lost_to_another() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(folder.path());
        store.lock().unwrap().write(&contexts(0)).unwrap();
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..10 {
                        let locked = store.lock().unwrap();
                        let count: usize = locked.read().unwrap().contexts["x"].principal.parse().unwrap();
                        locked.write(&contexts(count + 1)).unwrap();
                    }
                });
            }
        });
        assert_eq!(store.read().unwrap(), contexts(80));
    }
}
