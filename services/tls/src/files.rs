//! A certificate and its key, in PEM files.

use std::{
    fs::{self, File},
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::CertifiedKey,
};

use crate::provider;

/// The most that is read of a file, in bytes: a chain of certificates has a few thousand.
const LARGEST: u64 = 1 << 20;

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {path}: {error}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// A file holds something else.
    #[error("{path} holds no {what} in PEM")]
    Missing {
        /// Which file.
        path: PathBuf,
        /// What was looked for.
        what: &'static str,
    },
    /// The two do not belong together, or are of a kind that is not known.
    #[error("{certificate} and {key} cannot be used together: {error}")]
    Unfit {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
        /// What is wrong with them.
        error: rustls::Error,
    },
    /// A certificate cannot be trusted as an authority.
    #[error("{path} holds a certificate that cannot be trusted: {error}")]
    Untrusted {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        error: rustls::Error,
    },
}

/// Where a server's certificate and its key are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, and behind it those that lead to its authority.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// A state of both files; another one when either was written, or replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp([Option<(u64, i64, i64, u64)>; 2]);

impl TlsFiles {
    /// Sees whether the files can be used.
    ///
    /// # Errors
    /// When they cannot be read, hold something else, or do not belong together.
    pub fn check(&self) -> Result<(), TlsError> {
        self.read().map(drop)
    }

    /// What the files hold now.
    pub(crate) fn read(&self) -> Result<Arc<CertifiedKey>, TlsError> {
        let chain = certificates(&self.certificate)?;
        let key = PrivateKeyDer::from_pem_slice(&content(&self.key)?);
        let key = key.map_err(|_| TlsError::Missing { path: self.key.clone(), what: "private key" })?;
        let fit = CertifiedKey::from_der(chain, key, &provider());
        fit.map(Arc::new).map_err(|error| TlsError::Unfit {
            certificate: self.certificate.clone(),
            key: self.key.clone(),
            error,
        })
    }

    pub(crate) fn stamp(&self) -> Stamp {
        let of = |path: &Path| {
            let found = fs::metadata(path).ok()?;
            Some((found.ino(), found.mtime(), found.mtime_nsec(), found.len()))
        };
        Stamp([of(&self.certificate), of(&self.key)])
    }
}

/// The certificates in a file, at least one.
pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let missing = || TlsError::Missing { path: path.to_owned(), what: "certificate" };
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&content(path)?).collect();
    found.ok().filter(|found| !found.is_empty()).ok_or_else(missing)
}

fn content(path: &Path) -> Result<Vec<u8>, TlsError> {
    let failed = |error| TlsError::Io { path: path.to_owned(), error };
    let mut content = Vec::new();
    File::open(path).map_err(failed)?.take(LARGEST).read_to_end(&mut content).map_err(failed)?;
    Ok(content)
}
