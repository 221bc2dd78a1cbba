//! Mappings that are proposed for a source.

use std::{fs, path::PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use tributary_proto::admin::v1::SuggestMappingsRequest;

use crate::cli::{
    client::{Client, refused},
    code::spec,
    output::{Out, Style, Text, json, table},
    resources::Choice,
};

/// For which source, and from what.
#[derive(Debug, Args)]
pub(in crate::cli) struct Suggest {
    #[command(flatten)]
    choice: Choice,
    /// A file with a message to learn from, instead of the newest messages
    #[arg(long, value_name = "FILE")]
    body: Option<PathBuf>,
    /// Write the draft to this file, as `workflows create --draft` reads it
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
}

/// Shows what is proposed.
///
/// # Errors
/// When the server refuses, a file cannot be read or written, or there is no draft to be written.
pub(super) async fn run(suggest: Suggest, client: &Client, out: &Out) -> anyhow::Result<()> {
    let body = match &suggest.body {
        Some(file) => fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?,
        None => String::new(),
    };
    let request = SuggestMappingsRequest { parent: suggest.choice.source(client).await?.name, body };
    let answer = client.sources().suggest_mappings(request).await.map_err(refused)?.into_inner();
    if let Some(file) = &suggest.write {
        let Some(draft) = &answer.spec else {
            bail!("nothing was found that tells who a message is of: there is no draft to be written");
        };
        fs::write(file, spec::write(draft)?).with_context(|| format!("cannot write {}", file.display()))?;
    }
    if out.is_json() {
        return Ok(out.json(&json(&answer)?)?);
    }
    if answer.sample_count == 0 {
        return Ok(
            out.line("nothing was processed of it yet: send something, or give a message with --body")?
        );
    }
    let rows = answer.suggestions.iter().map(|found| {
        let confidence = found.confidence().as_str_name().trim_start_matches("CONFIDENCE_").to_lowercase();
        vec![
            if found.in_spec { "✓".to_owned() } else { String::new() },
            found.section.clone(),
            found.target.clone(),
            found.path.clone(),
            found.sample_value.clone(),
            confidence,
            found.reason.clone(),
        ]
    });
    table::write(out, &["draft", "section", "target", "path", "sample", "sure", "why"], rows.collect())?;
    let count = answer.sample_count;
    let tail = match &suggest.write {
        Some(file) => format!("from {count} samples; the draft is in {}", file.display()),
        None => format!("from {count} samples; --write FILE writes the draft"),
    };
    Ok(out.text(&Text::new().with(Style::Dim, tail))?)
}
