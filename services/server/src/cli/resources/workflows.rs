//! `tributary workflows`.

mod edit;
mod versions;

use clap::Subcommand;
use tributary_proto::admin::v1::{GetWorkflowSampleRequest, Workflow, problem::Severity};

use super::{Choice, Listing, samples};
use crate::cli::{
    backtest::{self, Backtesting},
    client::{Client, refused},
    code::spec,
    finder,
    output::{Listed, Out, Style, Text, id, list, one, time::moment},
    testing::{self, Testing},
};

/// What to do.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Action {
    /// List them, oldest first
    List(Listing),
    /// Show one
    Get(Choice),
    /// Make one, as a draft
    Create(edit::New),
    /// Change one
    Update(edit::Changes),
    /// Write the draft of one as a file that `update --draft` reads
    Draft(Choice),
    /// Show the message that is pinned to one, with the paths of its values
    Sample(Choice),
    /// Put the draft of one in force, as a new version
    Publish(versions::Publish),
    /// Take one out of force
    Unpublish(Choice),
    /// List the versions of one, newest first
    Versions(versions::Versions),
    /// Show what differs between two versions of one, or between one and the draft
    Compare(versions::Compare),
    /// Put an earlier version of one in force again, as a new version
    Rollback(versions::Rollback),
    /// Show what one would make of a message; nothing is stored or sent
    Test(Testing),
    /// Compare what the draft of one would have made of what was received with what happened
    Backtest(Backtesting),
}

/// Lists workflows, shows one or changes one.
///
/// # Errors
/// When the server refuses, or there is none such.
pub(in crate::cli) async fn run(action: Action, client: &Client, out: &Out) -> anyhow::Result<()> {
    match action {
        Action::List(Listing { of, limit }) => {
            let tenant = finder::tenant(client, of.tenant.as_deref()).await?;
            list(out, &finder::workflows(client, &tenant, limit).await?)
        }
        Action::Get(choice) => {
            let found = find(client, &choice).await?;
            one(out, &found.key, &found)
        }
        Action::Create(new) => told(out, &edit::create(new, client).await?),
        Action::Update(changes) => told(out, &edit::update(changes, client).await?),
        Action::Draft(choice) => {
            let draft = find(client, &choice).await?.draft.unwrap_or_default();
            if out.is_json() {
                return one(out, &choice.which, &draft);
            }
            Ok(out.line(spec::write(&draft)?.trim_end())?)
        }
        Action::Sample(choice) => {
            let request = GetWorkflowSampleRequest { name: find(client, &choice).await?.name };
            let sample = client.workflows().get_workflow_sample(request).await.map_err(refused)?;
            samples::show(out, &sample.into_inner())
        }
        Action::Publish(publish) => told(out, &versions::publish(publish, client).await?),
        Action::Unpublish(choice) => told(out, &versions::unpublish(&choice, client).await?),
        Action::Versions(versions) => versions::list(versions, client, out).await,
        Action::Compare(compare) => versions::compare(&compare, client, out).await,
        Action::Rollback(rollback) => told(out, &versions::roll_back(rollback, client).await?),
        Action::Test(testing) => {
            let found = find(client, &testing.choice).await?;
            testing::run(testing, found, client, out).await
        }
        Action::Backtest(backtesting) => {
            let found = find(client, &backtesting.choice).await?;
            backtest::run(backtesting, found, client, out).await
        }
    }
}

async fn find(client: &Client, Choice { which, of }: &Choice) -> anyhow::Result<Workflow> {
    let tenant = finder::tenant(client, of.tenant.as_deref()).await?;
    finder::pick(finder::workflows(client, &tenant, usize::MAX).await?, Some(which))
}

/// What became of a workflow, with what is wrong with its draft.
fn told(out: &Out, workflow: &Workflow) -> anyhow::Result<()> {
    if out.is_json() {
        return one(out, &workflow.key, workflow);
    }
    let head =
        Text::new().with(Style::Bold, &workflow.key).plain(" ").with(Style::Accent, in_force(workflow));
    out.text(&head.and(Style::Dim, &workflow.display_name))?;
    for problem in &workflow.problems {
        let (style, word) = match problem.severity() {
            Severity::Error => (Style::Bad, "error"),
            _ => (Style::Warn, "warning"),
        };
        let at = if problem.node_id.is_empty() { String::new() } else { format!(" at {}", problem.node_id) };
        let line = Text::new().with(style, word).plain(format!("{at}: {}", problem.reason));
        out.text(&line.and(Style::Dim, &problem.fix))?;
    }
    Ok(())
}

fn in_force(workflow: &Workflow) -> String {
    match workflow.published_version {
        0 => "is a draft: nothing is in force".to_owned(),
        version => format!("version {version} is in force"),
    }
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
