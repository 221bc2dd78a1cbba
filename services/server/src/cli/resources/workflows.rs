//! `tributary workflows`.

use clap::{Args, Subcommand};
use prost_types::FieldMask;
use tributary_proto::admin::v1::{GetWorkflowSampleRequest, UpdateWorkflowRequest, Workflow};

use super::{Choice, Listing, samples};
use crate::cli::{
    backtest::{self, Backtesting},
    client::{Client, refused},
    finder,
    output::{Listed, Out, id, list, one, time::moment},
    testing::{self, Testing},
};

/// What to do.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Action {
    /// List them, oldest first
    List(Listing),
    /// Show one
    Get(Choice),
    /// Show the message that is pinned to one, with the paths of its values
    Sample(Choice),
    /// Change one
    Update(Changes),
    /// Show what one would make of a message; nothing is stored or sent
    Test(Testing),
    /// Compare what the draft of one would have made of what was received with what happened
    Backtest(Backtesting),
}

/// What is changed of which workflow.
#[derive(Debug, Args)]
pub(in crate::cli) struct Changes {
    #[command(flatten)]
    choice: Choice,
    /// Pin this message for the editor: msg_…, or none
    #[arg(long, value_name = "MESSAGE")]
    sample_message: String,
}

/// Lists workflows, or shows one.
///
/// # Errors
/// When the server refuses, or there is none such.
pub(in crate::cli) async fn run(action: Action, client: &Client, out: &Out) -> anyhow::Result<()> {
    match action {
        Action::List(Listing { of, limit }) => {
            let tenant = finder::tenant(client, of.tenant.as_deref()).await?;
            list(out, &finder::workflows(client, &tenant, limit).await?)
        }
        Action::Get(Choice { which, of }) => {
            let found = find(client, of.tenant.as_deref(), &which).await?;
            one(out, &found.key, &found)
        }
        Action::Sample(Choice { which, of }) => {
            let found = find(client, of.tenant.as_deref(), &which).await?;
            let request = GetWorkflowSampleRequest { name: found.name };
            let sample = client.workflows().get_workflow_sample(request).await.map_err(refused)?;
            samples::show(out, &sample.into_inner())
        }
        Action::Update(Changes { choice: Choice { which, of }, sample_message }) => {
            let found = find(client, of.tenant.as_deref(), &which).await?;
            let sample_message = if sample_message == "none" { String::new() } else { sample_message };
            let request = UpdateWorkflowRequest {
                workflow: Some(Workflow { sample_message, ..found }),
                update_mask: Some(FieldMask { paths: vec!["sample_message".to_owned()] }),
            };
            let changed = client.workflows().update_workflow(request).await.map_err(refused)?.into_inner();
            one(out, &changed.key, &changed)
        }
        Action::Test(testing) => {
            let found = find(client, testing.choice.of.tenant.as_deref(), &testing.choice.which).await?;
            testing::run(testing, found, client, out).await
        }
        Action::Backtest(backtesting) => {
            let Choice { which, of } = &backtesting.choice;
            let found = find(client, of.tenant.as_deref(), which).await?;
            backtest::run(backtesting, found, client, out).await
        }
    }
}

async fn find(client: &Client, tenant: Option<&str>, which: &str) -> anyhow::Result<Workflow> {
    let tenant = finder::tenant(client, tenant).await?;
    finder::pick(finder::workflows(client, &tenant, usize::MAX).await?, Some(which))
}

impl Listed for Workflow {
    const COLUMNS: &'static [&'static str] =
        &["key", "id", "name", "in force", "problems of the draft", "changed (UTC)"];

    fn cells(&self) -> Vec<String> {
        let version = match self.published_version {
            0 => "nothing".to_owned(),
            version => format!("version {version}"),
        };
        vec![
            self.key.clone(),
            id(&self.name).to_owned(),
            self.display_name.clone(),
            version,
            self.problems.len().to_string(),
            moment(self.update_time.as_ref()),
        ]
    }
}
