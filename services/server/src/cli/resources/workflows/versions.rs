//! Versions of a workflow: publishing, comparing, going back.

use anyhow::bail;
use clap::Args;
use tributary_proto::admin::v1::{
    CompareWorkflowVersionsRequest, ListWorkflowVersionsRequest, PublishWorkflowRequest,
    RollBackWorkflowRequest, UnpublishWorkflowRequest, Workflow, WorkflowVersion,
    workflow_difference::Change,
};

use super::find;
use crate::cli::{
    client::{Client, refused},
    output::{self, Listed, Out, Style, Text, json, time::moment},
    pages,
    resources::Choice,
};

/// Which draft is published.
#[derive(Debug, Args)]
pub(in crate::cli) struct Publish {
    #[command(flatten)]
    choice: Choice,
    /// What is new in it
    #[arg(long, value_name = "TEXT", default_value = "")]
    note: String,
}

/// Which versions are listed.
#[derive(Debug, Args)]
pub(in crate::cli) struct Versions {
    #[command(flatten)]
    choice: Choice,
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: usize,
}

/// What is compared.
#[derive(Debug, Args)]
pub(in crate::cli) struct Compare {
    #[command(flatten)]
    choice: Choice,
    /// The version to begin with; the one in force unless said
    #[arg(long, value_name = "VERSION", value_parser = clap::value_parser!(i32).range(1..))]
    from: Option<i32>,
    /// The version that it is compared with; the draft unless said
    #[arg(long, value_name = "VERSION", value_parser = clap::value_parser!(i32).range(1..))]
    to: Option<i32>,
}

/// Which version is put in force again.
#[derive(Debug, Args)]
pub(in crate::cli) struct Rollback {
    #[command(flatten)]
    choice: Choice,
    /// The number of the version; the one before the one in force unless said
    #[arg(long, value_name = "VERSION", value_parser = clap::value_parser!(i32).range(1..))]
    to: Option<i32>,
    /// Why
    #[arg(long, value_name = "TEXT", default_value = "")]
    note: String,
    /// Make the draft the same too
    #[arg(long)]
    draft: bool,
}

/// Publishes a draft.
///
/// # Errors
/// When the server refuses, or there is none such.
pub(super) async fn publish(Publish { choice, note }: Publish, client: &Client) -> anyhow::Result<Workflow> {
    let Workflow { name, etag, .. } = find(client, &choice).await?;
    let request = PublishWorkflowRequest { name, etag, note };
    Ok(client.workflows().publish_workflow(request).await.map_err(refused)?.into_inner())
}

/// Takes a workflow out of force.
///
/// # Errors
/// As [`publish`].
pub(super) async fn unpublish(choice: &Choice, client: &Client) -> anyhow::Result<Workflow> {
    let Workflow { name, etag, .. } = find(client, choice).await?;
    let request = UnpublishWorkflowRequest { name, etag };
    Ok(client.workflows().unpublish_workflow(request).await.map_err(refused)?.into_inner())
}

/// Puts an earlier version in force again.
///
/// # Errors
/// As [`publish`].
pub(super) async fn roll_back(
    Rollback { choice, to, note, draft }: Rollback,
    client: &Client,
) -> anyhow::Result<Workflow> {
    let Workflow { name, etag, published_version, .. } = find(client, &choice).await?;
    let version = match to {
        Some(version) => version,
        None if published_version > 1 => published_version - 1,
        None => bail!("there is no version before the one in force: say which with --to"),
    };
    let request = RollBackWorkflowRequest { name, version, etag, note, replace_draft: draft };
    Ok(client.workflows().roll_back_workflow(request).await.map_err(refused)?.into_inner())
}

/// Lists the versions.
///
/// # Errors
/// As [`publish`].
pub(super) async fn list(
    Versions { choice, limit }: Versions,
    client: &Client,
    out: &Out,
) -> anyhow::Result<()> {
    let parent = find(client, &choice).await?.name;
    let found = pages::all(limit, async |page_size, page_token| {
        let request = ListWorkflowVersionsRequest { parent: parent.clone(), page_size, page_token };
        let answer = client.workflows().list_workflow_versions(request).await?.into_inner();
        Ok((answer.workflow_versions, answer.next_page_token))
    })
    .await?;
    if found.is_empty() && !out.is_json() {
        return Ok(out.line("nothing was published of it yet")?);
    }
    output::list(out, &found)
}

/// Shows what differs.
///
/// # Errors
/// As [`publish`].
pub(super) async fn compare(compare: &Compare, client: &Client, out: &Out) -> anyhow::Result<()> {
    let request = CompareWorkflowVersionsRequest {
        name: find(client, &compare.choice).await?.name,
        base_version: compare.from.unwrap_or_default(),
        version: compare.to.unwrap_or_default(),
    };
    let answer = client.workflows().compare_workflow_versions(request).await.map_err(refused)?.into_inner();
    if out.is_json() {
        return Ok(out.json(&json(&answer)?)?);
    }
    let named = |version: i32, none: &str| match version {
        0 => none.to_owned(),
        version => format!("version {version}"),
    };
    let (base, with) = (named(answer.base_version, "nothing"), named(answer.version, "the draft"));
    if answer.differences.is_empty() {
        return Ok(out.line(&format!("{with} says the same as {base}"))?);
    }
    out.text(&Text::new().with(Style::Dim, format!("from {base} to {with}")))?;
    for difference in &answer.differences {
        let (style, sign) = match difference.change() {
            Change::Added => (Style::Good, "+"),
            Change::Removed => (Style::Bad, "-"),
            Change::Changed | Change::Unspecified => (Style::Warn, "~"),
        };
        out.text(&Text::new().with(style, sign).plain(format!(" {}", difference.text)))?;
    }
    if answer.differences_truncated {
        out.line("… and more")?;
    }
    Ok(())
}

impl Listed for WorkflowVersion {
    const COLUMNS: &'static [&'static str] = &["version", "published (UTC)", "by", "in force", "note"];

    fn cells(&self) -> Vec<String> {
        let restored = match self.restored_version {
            0 => String::new(),
            version => format!("version {version} again"),
        };
        let note = [restored, self.note.clone()].into_iter().filter(|part| !part.is_empty());
        vec![
            self.version.to_string(),
            moment(self.create_time.as_ref()),
            self.author.clone(),
            if self.in_force { "yes".to_owned() } else { String::new() },
            note.collect::<Vec<_>>().join(": "),
        ]
    }
}
