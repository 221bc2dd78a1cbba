//! The journal of a single node: segment files in one folder.
//!
//! Messages that wait are written together by one thread, with one write and one `fdatasync` (group commit), and
//! only then answered. Readers read from the files, up to what is synced.
//!
//! | file | concept |
//! |---|---|
//! | `local` | the journal that the house sees: open, append, read, release, close |
//! | `options`, `error` | what may be set; why a journal does not open |
//! | `format` | the bytes of a segment's header and of a record's |
//! | `segment`, `create` | the segments that are kept; how a new one comes to be |
//! | `recovery`, `tail` | finding the journal again; what of its end counts |
//! | `queue`, `writer` | who waits; group commit |
//! | `reader`, `position`, `window` | reading from a place; remembering places; buffered reads |
//! | `space` | the reserve of free space |
//! | `disk` | the file operations, which tests replace by a disk that loses power |

mod create;
mod disk;
mod error;
mod format;
mod local;
mod options;
mod position;
mod queue;
mod reader;
mod recovery;
mod segment;
mod shared;
mod space;
mod tail;
mod window;
mod writer;

#[cfg(test)]
mod tests;

pub use error::OpenError;
pub use local::LocalLog;
pub use options::LogOptions;
pub use recovery::Recovery;
