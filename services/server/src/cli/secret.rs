//! Secrets that commands take: from a file or a variable, as what stands in a command line is seen by others.

use std::{env, fs, path::Path};

use anyhow::{Context, bail};

/// The secret in a file, or else in a variable; none where neither is named. `what` is what it is called.
///
/// # Errors
/// When it cannot be read, or is empty.
pub(super) fn read(
    what: &str,
    file: Option<&Path>,
    variable: Option<&str>,
) -> anyhow::Result<Option<String>> {
    let secret = match (file, variable) {
        (Some(file), _) => {
            fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?
        }
        (None, Some(name)) => env::var(name).with_context(|| format!("cannot read the variable {name}"))?,
        (None, None) => return Ok(None),
    };
    match secret.trim() {
        "" => bail!("the {what} is empty"),
        secret => Ok(Some(secret.to_owned())),
    }
}
