//! Why a local log does not open.

use std::{io, path::PathBuf};

use crate::JournalId;

/// Why a journal's folder was not opened. Nothing was changed in it that anybody needs.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("the journal in `{}` is in use by another process: stop that one first, or give this one another data folder", dir.display())]
    Locked {
        /// The journal's folder.
        dir: PathBuf,
    },
    /// The settings contradict each other.
    #[error("the journal's settings do not fit together: {0}")]
    Options(&'static str),
    /// The operating system refused.
    #[error("the journal cannot {action} `{file}`: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or folder.
        file: String,
        /// What the system said.
        source: io::Error,
    },
    /// Something that was durable is no longer what was written.
    #[error(
        "the journal is damaged in `{file}` at byte {offset}: {what}. Nothing was changed. Restore the journal's folder from a backup; or, to go on without the messages from there on that are not yet in the database, move the folder away and start again: a new journal is made and the gap is reported"
    )]
    Damaged {
        /// The segment's file name.
        file: String,
        /// Where in the file the bad record starts.
        offset: u64,
        /// What is wrong there.
        what: &'static str,
    },
    /// A segment in the middle is gone.
    #[error(
        "the journal's file `{missing}` is missing, though `{before}` says that it came before it. Put it back from a backup; or move the journal's folder away and start again: a new journal is made and the gap is reported"
    )]
    Missing {
        /// The file that should be there.
        missing: String,
        /// The file that names it.
        before: String,
    },
    /// A segment of another journal lies in the folder.
    #[error(
        "the journal's file `{file}` belongs to journal {found}, the ones before it to {expected}: take the one that does not belong there out of the folder"
    )]
    Foreign {
        /// The segment's file name.
        file: String,
        /// The journal of the oldest segment.
        expected: JournalId,
        /// The journal of this one.
        found: JournalId,
    },
    /// Written by a later version.
    #[error(
        "the journal's file `{file}` has format {version}, which this version does not know: run a newer version"
    )]
    Newer {
        /// The segment's file name.
        file: String,
        /// Its format.
        version: u32,
    },
}

impl OpenError {
    /// Says what was tried with which file when the system refused.
    pub(super) fn io(action: &'static str, file: &str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, file: file.to_owned(), source }
    }
}
