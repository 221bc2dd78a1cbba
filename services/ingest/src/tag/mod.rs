//! The browser tag, as it is served to pages: one file for a source, and one for each script of its owner.
//!
//! The program is in `tag/`, in plain JavaScript; `build.rs` puts it together, makes it small and packs it. What a source's
//! owner set is appended to that, so that serving a tag is copying two texts: nothing is kept for each source.

mod answer;
mod file;
mod gzip;
#[cfg(test)]
#[path = "../../build/minify.rs"]
mod minify;

pub(crate) use answer::{Asked, answer};
