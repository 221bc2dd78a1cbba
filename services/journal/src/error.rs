//! How a journal refuses and fails.

use std::sync::Arc;

/// Why a message was not appended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// Too little free space; goes on by itself once there is space again. The message is not kept.
    #[error(
        "the journal's volume has {free} bytes free and {reserve} are kept in reserve: free space on it, or wait until the ledger has caught up"
    )]
    Full {
        /// Bytes free on the volume when it was last looked at.
        free: u64,
        /// Bytes that have to stay free.
        reserve: u64,
    },
    /// Too many messages wait for the disk; the sender should come again. The message is not kept.
    #[error("too many messages wait for the journal's disk: send again later")]
    Overloaded,
    /// The message alone is larger than a record may be. It is not kept.
    #[error("the message has {size} bytes encoded, more than the {limit} that a record may have")]
    TooLarge {
        /// Its size in bytes.
        size: usize,
        /// The most bytes a record may have.
        limit: usize,
    },
    /// The journal is closed. The message is not kept.
    #[error("the journal is closed")]
    Closed,
    /// The disk failed: the message must not be acknowledged, though it may turn up after a restart.
    #[error("the journal could not write: {0}")]
    Failed(Fatal),
}

/// Why nothing can be read.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ReadError {
    /// What was asked for is deleted already: read from `first - 1` on.
    #[error(
        "the journal was asked for what follows {after}, but keeps only {first} and later: what came before was released"
    )]
    Released {
        /// The sequence that was asked for.
        after: u64,
        /// The smallest sequence that is kept.
        first: u64,
    },
    /// A record that was durable is no longer what was written.
    #[error(
        "the journal is damaged in `{file}` at byte {offset}: {what}; restore the file from a backup, or stop and move the journal's folder away to go on without what follows"
    )]
    Damaged {
        /// The segment's file name.
        file: String,
        /// Where in the file the bad record starts.
        offset: u64,
        /// What is wrong there.
        what: &'static str,
    },
    /// The record is sound but this version cannot read the message in it.
    #[error("the message {sequence} of the journal cannot be read: {source}")]
    Message {
        /// Its sequence.
        sequence: u64,
        /// What is wrong with it.
        source: crate::DecodeError,
    },
    /// The operating system refused to read.
    #[error("the journal's file `{file}` cannot be read: {source}")]
    Io {
        /// The segment's file name.
        file: String,
        /// What the system said.
        source: Arc<std::io::Error>,
    },
    /// The journal is closed.
    #[error("the journal is closed")]
    Closed,
}

/// Why space was not given back.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ReleaseError {
    /// The operating system refused to delete.
    #[error("the released file `{file}` of the journal cannot be deleted: {source}")]
    Io {
        /// The segment's file name.
        file: String,
        /// What the system said.
        source: Arc<std::io::Error>,
    },
    /// The journal is closed.
    #[error("the journal is closed")]
    Closed,
}

/// A failure after which nothing is appended any more: whether the last write is on the disk is not known, and
/// asking a disk a second time proves nothing. The process has to stop; recovery at the next start finds out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fatal {
    /// What failed, with what the system said.
    pub message: Arc<str>,
}
