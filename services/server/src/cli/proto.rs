//! `tributary proto`.

use std::{fs, path::PathBuf, process::ExitCode};

use anyhow::Context;
use serde_json::json;

use super::output::Out;

/// Where to.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The file that is written: an encoded google.protobuf.FileDescriptorSet
    #[arg(default_value = "tributary.binpb")]
    file: PathBuf,
}

/// Writes the contract's descriptors, with its comments and all that it imports.
///
/// # Errors
/// When the file or standard output cannot be written to.
pub(super) fn run(args: &Args, out: &Out) -> anyhow::Result<ExitCode> {
    let file = args.file.display();
    fs::write(&args.file, tributary_proto::FILE_DESCRIPTOR_SET)
        .with_context(|| format!("cannot write {file}"))?;
    if out.is_json() {
        out.json_line(&json!({ "file": args.file }))?;
    } else {
        out.line(&format!("wrote {file}: the descriptors of tributary.admin.v1"))?;
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use prost::Message;
    use prost_types::FileDescriptorSet;

    use super::*;
    use crate::cli::output::Format;

    #[test]
    fn what_is_written_holds_the_contract_and_everything_that_it_imports() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("descriptors");
        run(&Args { file: file.clone() }, &Out::new(Format::Json)).unwrap();
        let set = FileDescriptorSet::decode(fs::read(file).unwrap().as_slice()).unwrap();
        let names: Vec<_> = set.file.iter().map(|file| file.name()).collect();
        assert!(names.contains(&"tributary/admin/v1/workflow.proto"), "{names:?}");
        for file in &set.file {
            for import in &file.dependency {
                assert!(names.contains(&import.as_str()), "{import} is not there");
            }
        }
    }
}
