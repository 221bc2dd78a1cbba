//! Making workflows and changing their drafts.

use std::{path::PathBuf, time::Duration};

use anyhow::anyhow;
use clap::{ArgGroup, Args};
use prost_types::{FieldMask, Value, value::Kind};
use tributary_proto::admin::v1::{
    CreateWorkflowRequest, Input, Mapping, UpdateWorkflowRequest, Workflow, input::From,
};

use super::find;
use crate::cli::{
    client::{Client, refused},
    code::spec,
    finder,
    logs::span,
    resources::{Choice, OfTenant},
};

/// The fields of [`Changes`] of which one has to be said.
const CHANGES: [&str; 6] = ["name", "draft", "event_name", "delay", "order", "sample_message"];

/// A workflow that is to be made.
#[derive(Debug, Args)]
pub(in crate::cli) struct New {
    /// Its key: 1 to 63 of a-z, 0-9, - and _
    #[arg(value_name = "KEY")]
    key: String,
    /// The source whose messages it takes; not needed where there is one only
    #[arg(long, value_name = "SOURCE")]
    source: Option<String>,
    #[command(flatten)]
    of: OfTenant,
    /// Name that people see; its key unless said
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The preset that it starts from (`sources presets`); the first of the source's provider unless said
    #[arg(long, value_name = "PRESET", conflicts_with = "draft")]
    preset: Option<String>,
    /// A file with its draft
    #[arg(long, value_name = "FILE")]
    draft: Option<PathBuf>,
    /// How long deliveries of its events wait: 90s, 15m, 2h; at most 7d
    #[arg(long, value_name = "SPAN", value_parser = span)]
    delay: Option<Duration>,
    /// Its place among the workflows of its source: lower runs first
    #[arg(long, value_name = "N", default_value_t = 0)]
    order: i32,
}

/// What is changed of which workflow.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("change").required(true).multiple(true).args(CHANGES)))]
pub(in crate::cli) struct Changes {
    #[command(flatten)]
    choice: Choice,
    /// Name that people see
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// A file with its new draft; what is in force stays until it is published
    #[arg(long, value_name = "FILE")]
    draft: Option<PathBuf>,
    /// The name of its events: a standard one (`events names` and the editor list them), or one of your own
    #[arg(long, value_name = "EVENT")]
    event_name: Option<String>,
    /// How long deliveries of its events wait: 0s, 90s, 15m, 2h; at most 7d
    #[arg(long, value_name = "SPAN", value_parser = span)]
    delay: Option<Duration>,
    /// Its place among the workflows of its source: lower runs first
    #[arg(long, value_name = "N")]
    order: Option<i32>,
    /// Pin this message for the editor: msg_…, or none
    #[arg(long, value_name = "MESSAGE")]
    sample_message: Option<String>,
}

/// Makes a workflow.
///
/// # Errors
/// When the server refuses, or a file cannot be read.
pub(super) async fn create(new: New, client: &Client) -> anyhow::Result<Workflow> {
    let tenant = finder::tenant(client, new.of.tenant.as_deref()).await?;
    let source = finder::pick(finder::sources(client, &tenant, usize::MAX).await?, new.source.as_deref())?;
    let workflow = Workflow {
        display_name: new.name.unwrap_or_else(|| new.key.clone()),
        key: new.key,
        order: new.order,
        delay: new.delay.map(of_contract).transpose()?,
        draft: new.draft.as_deref().map(spec::read).transpose()?,
        ..Workflow::default()
    };
    let request = CreateWorkflowRequest {
        parent: source.name,
        workflow: Some(workflow),
        preset: new.preset.unwrap_or_default(),
        ..CreateWorkflowRequest::default()
    };
    Ok(client.workflows().create_workflow(request).await.map_err(refused)?.into_inner())
}

/// Changes a workflow.
///
/// # Errors
/// When the server refuses, there is none such, or a file cannot be read.
pub(super) async fn update(changes: Changes, client: &Client) -> anyhow::Result<Workflow> {
    let mut workflow = find(client, &changes.choice).await?;
    let mut paths = Vec::new();
    if let Some(name) = changes.name {
        workflow.display_name = name;
        paths.push("display_name");
    }
    if let Some(file) = &changes.draft {
        workflow.draft = Some(spec::read(file)?);
        paths.push("draft");
    }
    if let Some(event) = changes.event_name {
        let draft = workflow.draft.get_or_insert_default();
        draft.event_name = Some(named(draft.event_name.take(), event));
        if !paths.contains(&"draft") {
            paths.push("draft");
        }
    }
    if let Some(delay) = changes.delay {
        workflow.delay = Some(of_contract(delay)?);
        paths.push("delay");
    }
    if let Some(order) = changes.order {
        workflow.order = order;
        paths.push("order");
    }
    if let Some(message) = changes.sample_message {
        workflow.sample_message = if message == "none" { String::new() } else { message };
        paths.push("sample_message");
    }
    let request = UpdateWorkflowRequest {
        workflow: Some(workflow),
        update_mask: Some(FieldMask { paths: paths.into_iter().map(str::to_owned).collect() }),
    };
    Ok(client.workflows().update_workflow(request).await.map_err(refused)?.into_inner())
}

/// The mapping of an event's name that is always the same, in place of what it was.
fn named(before: Option<Mapping>, event: String) -> Mapping {
    let before = before.unwrap_or_default();
    let or = |text: String| if text.is_empty() { "event_name".to_owned() } else { text };
    let constant = Value { kind: Some(Kind::StringValue(event)) };
    Mapping {
        id: or(before.id),
        target: or(before.target),
        inputs: vec![Input { from: Some(From::Constant(constant)) }],
        ..Mapping::default()
    }
}

fn of_contract(span: Duration) -> anyhow::Result<prost_types::Duration> {
    span.try_into().map_err(|_| anyhow!("this span is too long"))
}
