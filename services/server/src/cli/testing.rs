//! `tributary workflows test`: what a workflow would make of a message.

use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::Args;
use tributary_proto::admin::v1::{TestWorkflowRequest, Workflow, test_workflow_request::On};

use super::{
    client::{Client, refused},
    output::{Out, json},
    resources::Choice,
    trace,
};

/// Which workflow is tested on what.
#[derive(Debug, Args)]
pub(super) struct Testing {
    #[command(flatten)]
    pub(super) choice: Choice,
    /// On this logged message: msg_…; otherwise on the pinned one, or the newest of its source
    #[arg(long, value_name = "MESSAGE", conflicts_with = "body")]
    message: Option<String>,
    /// On the JSON in this file, as if the provider sent it now; - for standard input
    #[arg(long, value_name = "FILE")]
    body: Option<PathBuf>,
    /// Test the version that is in force, and not the draft
    #[arg(long)]
    published: bool,
}

/// Tests a workflow and shows what it would do.
///
/// # Errors
/// When the body cannot be read, or the server refuses.
pub(super) async fn run(
    testing: Testing,
    workflow: Workflow,
    client: &Client,
    out: &Out,
) -> anyhow::Result<()> {
    let on = match (testing.message, testing.body) {
        (Some(message), _) => Some(On::Message(message)),
        (None, Some(file)) => Some(On::Body(body(&file)?)),
        (None, None) => None,
    };
    let request = TestWorkflowRequest { name: workflow.name, published: testing.published, on, spec: None };
    let test = client.workflows().test_workflow(request).await.map_err(refused)?.into_inner();
    if out.is_json() {
        return Ok(out.json(&json(&test)?)?);
    }
    Ok(out.tree(&trace::test_tree(&test))?)
}

fn body(file: &Path) -> anyhow::Result<String> {
    if file.as_os_str() == "-" {
        let mut text = String::new();
        io::stdin().lock().read_to_string(&mut text).context("standard input cannot be read")?;
        return Ok(text);
    }
    fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))
}
