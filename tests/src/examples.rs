//! The clients of `examples/`, as their users run them.

use std::{
    env, fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use crate::Server;

/// The languages that there are examples in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Python with grpcio: gRPC.
    Python,
    /// Node with Connect: gRPC-Web.
    Node,
}

impl Language {
    /// What `scripts/examples` made ready for it; none where that could not be, which is said aloud.
    ///
    /// # Panics
    /// When `CI=true` and it was not made ready, so that what was not tested is never taken for tested.
    fn ready(self) -> Option<PathBuf> {
        let folder = env::var_os("TRIBUTARY_TEST_EXAMPLES").map(PathBuf::from);
        let ready =
            folder.map(|folder| folder.join(self.folder())).filter(|own| own.join("made-of").is_file());
        if ready.is_none() {
            assert!(
                env::var("CI").as_deref() != Ok("true"),
                "{self:?} is not ready for the examples, and CI=true: run scripts/test"
            );
            println!(
                "NOT RUN IN {self:?}: TRIBUTARY_TEST_EXAMPLES names no folder with it, see scripts/examples"
            );
        }
        ready
    }

    fn folder(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::Node => "node",
        }
    }
}

impl Server {
    /// What the file `script` of the examples in `language` prints when it is run against this server, with these
    /// environment variables besides; none where the language is not there.
    ///
    /// # Panics
    /// When it fails.
    #[track_caller]
    pub fn example(&self, language: Language, script: &str, more: &[(&str, &str)]) -> Option<String> {
        let ready = language.ready()?;
        let folder = tempfile::tempdir().expect("a folder for the example");
        let mut command = match language {
            Language::Python => {
                let mut python = Command::new(ready.join("bin/python"));
                // Nothing is left in the examples' own folder.
                python.args(["-B", "-u"]).arg(examples().join("python").join(script));
                python
            }
            Language::Node => {
                copy_beside_modules(&ready, &folder);
                let mut node = Command::new("node");
                node.arg(script);
                node
            }
        };
        for (name, _) in env::vars().filter(|(name, _)| name.starts_with("TRIBUTARY_")) {
            command.env_remove(name);
        }
        command.env("TRIBUTARY_ADDRESS", self.admin().to_string()).env("TRIBUTARY_TOKEN", self.api.token());
        let output = command.envs(more.iter().copied()).current_dir(folder.path()).output();
        let output = output.expect("the example starts");
        let (said, told) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{script}: {}\n{said}\n{told}", output.status);
        Some(said.into_owned())
    }
}

/// Node looks for modules beside the files that ask for them.
fn copy_beside_modules(ready: &Path, folder: &TempDir) {
    symlink(ready.join("node_modules"), folder.path().join("node_modules")).expect("a link");
    for entry in fs::read_dir(examples().join("node")).expect("the examples") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|ending| ending == "js" || ending == "json") {
            let name = path.file_name().expect("a name");
            fs::copy(&path, folder.path().join(name)).expect("a copy");
        }
    }
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests stand below the root").join("examples")
}
