//! The certificates of the listeners.

use std::{fs, os::unix::fs::PermissionsExt};

use tributary_tls::TlsFiles;

use super::Finding;
use crate::{cli::failure, config::Config};

/// Whether the certificates that are configured can be used, and nobody else can read their keys.
pub(super) fn check(config: &Config) -> Vec<Finding> {
    let all = [("TLS of door", config.http_tls()), ("TLS of API", config.admin_tls())];
    all.into_iter().filter_map(|(what, files)| Some(judge(what, &files?))).collect()
}

fn judge(what: &'static str, files: &TlsFiles) -> Finding {
    if let Err(error) = files.check() {
        let fix = "put a certificate and its key there; a server that runs keeps the ones it has";
        return Finding::fail(what, failure::line(&error.into()), fix);
    }
    let key = files.key.display();
    // Groups are a usual way to let a server read keys that are not its own.
    if fs::metadata(&files.key).is_ok_and(|found| found.permissions().mode() & 0o004 != 0) {
        return Finding::fail(what, format!("others can read its key {key}"), "run chmod o-r on it");
    }
    Finding::ok(what, format!("{} can be used", files.certificate.display()))
}

#[cfg(test)]
mod tests {
    use super::{super::State, *};

    #[test]
    fn a_certificate_that_is_not_there_is_found() {
        let mut config = Config::default();
        assert_eq!(check(&config), []);
        config.admin.tls_certificate = "/nowhere/admin.pem".into();
        config.admin.tls_key = "/nowhere/key.pem".into();
        let found = check(&config);
        assert_eq!((found.len(), found[0].state), (1, State::Fail));
        assert!(found[0].detail.contains("/nowhere/admin.pem"), "{found:?}");
    }
}
