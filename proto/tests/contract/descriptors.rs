//! The contract's own files, and their comments.

use std::collections::HashMap;

use prost::Message;
use prost_types::{FileDescriptorProto, FileDescriptorSet};
use tributary_proto::FILE_DESCRIPTOR_SET;

/// The package of the contract.
pub(crate) const PACKAGE: &str = "tributary.admin.v1";

/// The files of the contract, by name; not what they import.
pub(crate) fn files() -> Vec<FileDescriptorProto> {
    let set = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap();
    let mut ours: Vec<_> = set.file.into_iter().filter(|file| file.package() == PACKAGE).collect();
    assert!(ours.len() > 10, "the contract is there");
    ours.sort_by(|one, other| one.name().cmp(other.name()));
    ours
}

/// The comment before each thing that a file declares, by its descriptor path, and before its first line (`syntax`).
pub(crate) fn comments(file: &FileDescriptorProto) -> HashMap<Vec<i32>, String> {
    let locations = file.source_code_info.iter().flat_map(|info| &info.location);
    locations.map(|location| (location.path.clone(), location.leading_comments().trim().to_owned())).collect()
}
