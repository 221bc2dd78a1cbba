//! `tributary logs workflow`.

use tributary_proto::admin::v1::{ListRunsRequest, Run, TailRequest, tail_response::Entry};

use super::{Choice, Reading, filter::Filters, follow};
use crate::cli::{client::Client, finder, output::Out, output::id, pages};

/// The log of a workflow.
struct WorkflowLog {
    /// Its name.
    workflow: String,
    filters: Filters,
}

/// Shows what a workflow did.
pub(super) async fn run(choice: &Choice, client: &Client, out: &Out) -> anyhow::Result<()> {
    let tenant = finder::tenant(client, choice.reading.tenant.as_deref()).await?;
    let workflows = finder::workflows(client, &tenant, usize::MAX).await?;
    let workflow = finder::pick(workflows, choice.which.as_deref())?;
    let mut filters = choice.reading.wanted.filters("status", Vec::new())?;
    filters.also_told("workflow", id(&workflow.name));
    follow::show(&WorkflowLog { workflow: workflow.name, filters }, &choice.reading, client, out).await
}

impl follow::Source for WorkflowLog {
    type Row = Run;

    async fn past(&self, client: &Client, reading: &Reading) -> anyhow::Result<Vec<Run>> {
        pages::all(reading.limit, async |page_size, page_token| {
            let request = ListRunsRequest {
                parent: self.workflow.clone(),
                page_size,
                page_token,
                filter: self.filters.past.clone(),
            };
            let answer = client.logs().list_runs(request).await?.into_inner();
            Ok((answer.runs, answer.next_page_token))
        })
        .await
    }

    fn tail(&self) -> TailRequest {
        let workflow = self.workflow.as_str();
        let source = workflow.split_once("/workflows/").map_or(workflow, |(source, _)| source);
        TailRequest { parent: source.to_owned(), messages_only: true, filter: self.filters.told.clone() }
    }

    /// The workflow's run of a message that is told of. How many events it made, and whose, is only in the log.
    fn row(&self, entry: Entry) -> Option<Run> {
        let Entry::Message(message) = entry else { return None };
        let summary = message.runs.into_iter().find(|run| run.workflow == self.workflow)?;
        Some(Run {
            name: format!("{}/runs/{}", message.name, id(&self.workflow)),
            message: message.name,
            workflow: summary.workflow,
            version: summary.version,
            status: summary.status,
            run_time: message.process_time,
            ..Run::default()
        })
    }

    fn fact(row: &Run) -> String {
        row.name.clone()
    }
}

#[cfg(test)]
mod tests {
    use tributary_proto::admin::v1::{Message, message::RunSummary};

    use super::{super::follow::Source, *};

    #[test]
    fn a_workflow_finds_its_own_run_in_a_message() {
        let workflow = "t/sources/s/workflows/w2".to_owned();
        let log = WorkflowLog { workflow, filters: Filters::default() };
        let run =
            |workflow: &str, version| RunSummary { workflow: workflow.to_owned(), version, status: None };
        let runs = vec![run("t/sources/s/workflows/w1", 1), run("t/sources/s/workflows/w2", 7)];
        let message = Message { name: "t/messages/m".to_owned(), runs, ..Message::default() };
        let row = log.row(Entry::Message(message)).unwrap();
        assert_eq!((row.name.as_str(), row.version), ("t/messages/m/runs/w2", 7));
        assert!(log.row(Entry::Message(Message::default())).is_none());
        assert_eq!(log.tail().parent, "t/sources/s");
    }
}
