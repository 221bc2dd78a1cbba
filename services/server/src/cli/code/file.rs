//! Reading files: what they want of a tenant, with the place of everything.

use std::{
    fs,
    io::{Read, stdin},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};

use super::{
    fault::{self, Fault, Faults},
    plan::Desired,
    resource::Place,
    section::{self, Presets, TenantSection},
    yaml::{self, Document},
};

/// Files of more bytes are no configuration.
const MAX_FILE: u64 = 16 * 1024 * 1024;
/// What standard input is called in errors.
const STDIN: &str = "standard input";
const ENDINGS: [&str; 3] = ["yaml", "yml", "json"];

/// Which files.
#[derive(Debug, clap::Args)]
pub(super) struct Files {
    /// A file, a folder of files (.yaml, .yml, .json), or - for standard input; may be given several times
    #[arg(short = 'f', long = "file", value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

/// What was read.
#[derive(Debug)]
pub(super) struct Configuration {
    /// The documents, with the file and the folder of each.
    documents: Vec<(String, Document)>,
    /// What they say of the tenant itself.
    pub(super) tenant: Option<TenantSection>,
    /// What they want.
    pub(super) desired: Desired,
}

impl Configuration {
    /// What is wrong at a place, with its file and line.
    pub(super) fn fault(&self, place: &Place, message: &str) -> (String, Fault) {
        let (file, document) = &self.documents[place.document];
        let line = Some(document.line(&place.path));
        (file.clone(), Fault { line, path: place.path.clone(), message: message.to_owned() })
    }

    /// The document of a place.
    pub(super) fn document(&self, place: &Place) -> &Document {
        &self.documents[place.document].1
    }

    /// Whether standard input was read, so that nothing can be asked there.
    pub(super) fn took_stdin(&self) -> bool {
        self.documents.iter().any(|(file, _)| file == STDIN)
    }
}

impl Files {
    /// Reads them all; `presets` are what workflows may name.
    ///
    /// # Errors
    /// When one cannot be read or is not as it has to be, with the file, line and path of what is wrong.
    pub(super) fn read(&self, presets: &Presets) -> anyhow::Result<Configuration> {
        let mut faults = Vec::new();
        let mut documents = Vec::new();
        for (file, folder, text) in self.texts()? {
            match yaml::read(&text) {
                Ok(found) => documents.extend(found.into_iter().map(|it| (file.clone(), folder.clone(), it))),
                Err(error) => faults.push((file, Fault::from(error))),
            }
        }
        fault::check(&faults)?;
        if documents.is_empty() {
            bail!("there is nothing in {}", self.names());
        }
        let mut configuration =
            Configuration { documents: Vec::new(), tenant: None, desired: Desired::default() };
        for (index, (file, folder, document)) in documents.into_iter().enumerate() {
            let mut found = Faults::default();
            let read = section::read(&document.value, index, &folder, presets, &mut found)?;
            faults.extend(
                found
                    .0
                    .into_iter()
                    .map(|fault| (file.clone(), Fault { line: Some(document.line(&fault.path)), ..fault })),
            );
            configuration.documents.push((file, document));
            merge(&mut configuration, read, &mut faults);
        }
        fault::check(&faults)?;
        Ok(configuration)
    }

    fn names(&self) -> String {
        self.files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(", ")
    }

    /// The name, folder and text of each file; those of a folder by their names.
    fn texts(&self) -> anyhow::Result<Vec<(String, PathBuf, String)>> {
        let mut texts = Vec::new();
        for given in &self.files {
            if given == Path::new("-") {
                let mut text = String::new();
                stdin().take(MAX_FILE).read_to_string(&mut text).context("standard input cannot be read")?;
                texts.push((STDIN.to_owned(), PathBuf::new(), text));
            } else if given.is_dir() {
                let mut files = Vec::new();
                for entry in
                    fs::read_dir(given).with_context(|| format!("cannot read {}", given.display()))?
                {
                    let path = entry?.path();
                    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
                    if path.is_file() && ENDINGS.contains(&ending) {
                        files.push(path);
                    }
                }
                files.sort();
                if files.is_empty() {
                    bail!("{} has no .yaml, .yml or .json in it", given.display());
                }
                for file in files {
                    texts.push(text(&file)?);
                }
            } else {
                texts.push(text(given)?);
            }
        }
        Ok(texts)
    }
}

/// The name, folder and text of a file.
///
/// # Errors
/// When it cannot be read, or is too large.
pub(super) fn text(file: &Path) -> anyhow::Result<(String, PathBuf, String)> {
    let name = file.display().to_string();
    let size = fs::metadata(file).with_context(|| format!("cannot read {name}"))?.len();
    if size > MAX_FILE {
        bail!("{name} has {size} bytes: at most {MAX_FILE} are read");
    }
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {name}"))?;
    Ok((name, file.parent().map(Path::to_owned).unwrap_or_default(), text))
}

/// Puts what one document says to what others say. Nothing may be said twice.
fn merge(into: &mut Configuration, read: section::Read, faults: &mut Vec<(String, Fault)>) {
    if let Some(tenant) = read.tenant {
        if into.tenant.is_some() {
            faults.push(into.fault(&tenant.place, "another file tells of the tenant too: say it once"));
        }
        into.tenant.get_or_insert(tenant);
    }
    for wanted in read.desired.resources {
        let before = into.desired.resources.iter().find(|it| {
            it.address == wanted.address
                || it.address.workflow_key().is_some_and(|key| wanted.address.workflow_key() == Some(key))
        });
        match before {
            Some(before) => {
                let (file, fault) = into.fault(&before.place, "");
                let message =
                    format!("{} has this key already, at {file}:{}", before.address, fault.line.unwrap_or(1));
                faults.push(into.fault(&wanted.place, &message));
            }
            None => into.desired.resources.push(wanted),
        }
    }
    let (told, more) = (&mut into.desired.told, read.desired.told);
    told.destinations |= more.destinations;
    told.sources |= more.sources;
    told.workflows.extend(more.workflows);
}
