//! `tributary replay`: processes messages again, or sends deliveries again.

mod ask;
mod progress;

use anyhow::bail;
use clap::{Args, Subcommand};
use tributary_proto::admin::v1::{Operation, ReplayDeliveriesRequest, ReplayMessagesRequest};

use super::{
    client::{Client, refused},
    finder,
    logs::filter::{Wanted, comparison},
    output::{Out, Style, Text, id, one},
};

pub(super) use progress::watch;

/// What happens again.
#[derive(Debug, Subcommand)]
pub(super) enum Again {
    /// Process messages again with what is published now, such as after a workflow was mended
    Messages(Messages),
    /// Send deliveries again that were delivered or given up
    Deliveries(Deliveries),
}

/// Which messages, and how.
#[derive(Debug, Args)]
pub(super) struct Messages {
    /// Of the source of this key, id or name; otherwise of all sources of the tenant
    #[arg(value_name = "SOURCE")]
    source: Option<String>,
    /// Those of which a run ended so, such as mapping-not-found
    #[arg(long, value_name = "STATUS")]
    run_status: Option<String>,
    /// Those that the workflow of this key, id or name ran for; with --run-status: whose run ended so
    #[arg(long, value_name = "WORKFLOW")]
    workflow: Option<String>,
    #[command(flatten)]
    wanted: Wanted,
    #[command(flatten)]
    how: How,
}

/// Which deliveries, and how.
#[derive(Debug, Args)]
pub(super) struct Deliveries {
    /// Only those for the destination of this key, id or name
    #[arg(long, value_name = "DESTINATION")]
    destination: Option<String>,
    #[command(flatten)]
    wanted: Wanted,
    #[command(flatten)]
    how: How,
}

/// How it is done.
#[derive(Debug, Args)]
struct How {
    /// Only count what would happen again, and show some of it
    #[arg(long)]
    dry_run: bool,
    /// Do not ask first
    #[arg(long, short, conflicts_with = "dry_run")]
    yes: bool,
    /// Do not wait until it is done
    #[arg(long, conflicts_with = "dry_run")]
    detach: bool,
    /// The tenant's key, id or name; not needed where there is one only
    #[arg(long, value_name = "TENANT")]
    tenant: Option<String>,
}

/// Shows what would happen again, asks, has it done, and waits until it is.
///
/// # Errors
/// When the server refuses, nobody agrees, or it is not done completely.
pub(super) async fn run(again: Again, client: &Client, out: &Out) -> anyhow::Result<()> {
    match again {
        Again::Messages(Messages { source, run_status, workflow, wanted, how }) => {
            let tenant = finder::tenant(client, how.tenant.as_deref()).await?;
            let mut own = Vec::new();
            if let Some(status) = run_status {
                own.push(comparison("run_status", "=", &status.to_uppercase().replace(['-', ' '], "_")));
            }
            if let Some(which) = &workflow {
                let workflows = finder::workflows(client, &tenant, usize::MAX).await?;
                own.push(comparison("workflow", "=", id(&finder::pick(workflows, Some(which))?.name)));
            }
            let parent = match &source {
                Some(which) => {
                    let sources = finder::sources(client, &tenant, usize::MAX).await?;
                    finder::pick(sources, Some(which))?.name
                }
                None => tenant,
            };
            let filter = wanted.filters("status", own)?.past;
            let ask = async |validate_only| {
                let request = ReplayMessagesRequest {
                    parent: parent.clone(),
                    filter: filter.clone(),
                    validate_only,
                    ..ReplayMessagesRequest::default()
                };
                Ok(client.logs().replay_messages(request).await.map_err(refused)?.into_inner())
            };
            replay(ask, "messages are processed", &how, client, out).await
        }
        Again::Deliveries(Deliveries { destination, wanted, how }) => {
            let parent = finder::tenant(client, how.tenant.as_deref()).await?;
            let mut own = Vec::new();
            if let Some(which) = &destination {
                let destinations = finder::destinations(client, &parent, usize::MAX).await?;
                own.push(comparison("destination", "=", id(&finder::pick(destinations, Some(which))?.name)));
            }
            let filter = wanted.filters("state", own)?.past;
            let ask = async |validate_only| {
                let request = ReplayDeliveriesRequest {
                    parent: parent.clone(),
                    filter: filter.clone(),
                    validate_only,
                    ..ReplayDeliveriesRequest::default()
                };
                Ok(client.logs().replay_deliveries(request).await.map_err(refused)?.into_inner())
            };
            replay(ask, "deliveries are sent", &how, client, out).await
        }
    }
}

/// `ask` asks the server, either for a preview or for the thing itself.
async fn replay(
    ask: impl AsyncFn(bool) -> anyhow::Result<Operation>,
    what: &str,
    how: &How,
    client: &Client,
    out: &Out,
) -> anyhow::Result<()> {
    if how.dry_run {
        let preview = ask(true).await?.preview.unwrap_or_default();
        return ask::show(out, &preview);
    }
    if !how.yes {
        let preview = ask(true).await?.preview.unwrap_or_default();
        if !ask::agrees(&preview, what)? {
            bail!("nothing was replayed");
        }
    }
    let operation = ask(false).await?;
    if !how.detach {
        return watch(&operation.name, client, out).await;
    }
    if out.is_json() {
        return one(out, id(&operation.name), &operation);
    }
    let text = Text::new().with(Style::Bold, id(&operation.name));
    Ok(out.text(&text.plain(" goes on: see how far it is with tributary operations watch"))?)
}
