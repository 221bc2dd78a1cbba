//! What a workflow does, as a file of its own: as `spec` and `draft` of a tenant's file are written.

use std::path::Path;

use anyhow::bail;
use tributary_proto::admin::v1::WorkflowSpec;

use super::{
    fault::{self, Fault, Faults},
    file::text,
    form, yaml,
};

/// Reads one from a file.
///
/// # Errors
/// When it cannot be read or is none, with the line and path of what is wrong.
pub(in crate::cli) fn read(file: &Path) -> anyhow::Result<WorkflowSpec> {
    let (name, _, text) = text(file)?;
    let documents = match yaml::read(&text) {
        Ok(documents) => documents,
        Err(error) => {
            fault::check(&[(name.clone(), Fault::from(error))])?;
            Vec::new()
        }
    };
    let [document] = documents.as_slice() else {
        bail!("{}: expected one document", file.display());
    };
    let mut faults = Faults::default();
    let spec = form::read(&document.value, "", &mut faults)?;
    let located = faults.0.into_iter().map(|fault| {
        let line = Some(document.line(&fault.path));
        (name.clone(), Fault { line, ..fault })
    });
    fault::check(&located.collect::<Vec<_>>())?;
    Ok(spec)
}

/// One as YAML.
///
/// # Errors
/// When the build's descriptors do not fit.
pub(in crate::cli) fn write(spec: &WorkflowSpec) -> anyhow::Result<String> {
    Ok(form::write(spec)?.to_yaml())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_and_what_is_wrong_has_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("booking.yaml");
        let text = "filter:\n  nodes:\n    - id: f\n      condition: { left: { path: $.event }, op: equals, right: [x] }\n\
                    user_traits:\n  - id: t\n    target: city\n    inputs: [{ path: $.city }]\n";
        std::fs::write(&file, text).unwrap();
        let spec = read(&file).unwrap();
        assert_eq!(
            (spec.user_traits.len(), spec.filter.as_ref().map(|filter| filter.nodes.len())),
            (1, Some(1))
        );
        std::fs::write(&file, write(&spec).unwrap()).unwrap();
        assert_eq!(read(&file).unwrap(), spec);

        std::fs::write(&file, "user_traits:\n  - id: t\n    tarket: city\n").unwrap();
        let told = read(&file).unwrap_err().to_string();
        assert!(told.contains("booking.yaml:3") && told.contains("tarket"), "{told}");
        std::fs::write(&file, "a: [").unwrap();
        assert!(read(&file).unwrap_err().to_string().contains("not YAML"));
    }
}
