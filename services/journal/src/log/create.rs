//! How a new segment comes to be: complete under another name first, so that a file that has a segment's name always
//! has a sound header.

use std::io;

use super::{
    disk::{Disk, DiskFile},
    format::SegmentHeader,
};

/// The name of a segment that is not complete yet; what is left over of one is deleted at the next start.
pub(super) const UNFINISHED: &str = "next-segment.tmp";

/// Why there is no new segment.
#[derive(Debug)]
pub(super) enum CreateError {
    /// Nothing happened that matters: it may be tried again.
    Refused(io::Error),
    /// It is not known what is on the disk.
    Unknown(io::Error),
}

/// Makes the segment with this header and room for `bytes` bytes, durable with its name.
pub(super) fn create(
    disk: &dyn Disk,
    header: &SegmentHeader,
    bytes: u64,
) -> Result<Box<dyn DiskFile>, CreateError> {
    let file = disk.create(UNFINISHED).map_err(CreateError::Refused)?;
    if let Err(error) = file.allocate(bytes).and_then(|()| file.write_at(&header.encode(), 0)) {
        if let Err(error) = disk.remove(UNFINISHED) {
            tracing::warn!(%error, "the unfinished segment could not be deleted");
        }
        return Err(CreateError::Refused(error));
    }
    let finished = file
        .sync_data()
        .and_then(|()| disk.rename(UNFINISHED, &header.file_name()))
        .and_then(|()| disk.sync_names());
    finished.map_err(CreateError::Unknown)?;
    Ok(file)
}
