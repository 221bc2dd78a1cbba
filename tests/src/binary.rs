//! Where the binary is.

use std::{env, path::PathBuf};

/// The `tributary` binary: what `TRIBUTARY_BIN` names, or the one that was built beside the tests.
///
/// # Panics
/// When it was not built yet.
pub fn binary() -> PathBuf {
    if let Some(named) = env::var_os("TRIBUTARY_BIN") {
        // The server is started in another folder than the tests.
        return PathBuf::from(named).canonicalize().expect("TRIBUTARY_BIN names a file");
    }
    let own = env::current_exe().expect("a test knows where it is");
    // target/<profile>/deps/<test>: the binary stands two levels up.
    let folder = own.parent().and_then(|deps| deps.parent()).expect("tests stand below the target folder");
    let binary = folder.join("tributary");
    assert!(
        binary.is_file(),
        "{} is not there: run scripts/test, or cargo build -p tributary",
        binary.display()
    );
    binary
}
