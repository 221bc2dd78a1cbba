//! `tributary logs workflow`.

use tributary_proto::admin::v1::{
    ListRunsRequest, Run, TailRequest, message::RunSummary, tail_response::Entry,
};

use super::{ALL, Choice, Reading, filter::Filters, follow};
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
    let mut filters = choice.reading.wanted.filters("status", Vec::new())?;
    let workflow = match choice.which.as_deref() {
        Some(ALL) => format!("{tenant}/sources/{ALL}/workflows/{ALL}"),
        which => {
            let workflows = finder::workflows(client, &tenant, usize::MAX).await?;
            let workflow = finder::pick(workflows, which)?.name;
            filters.also_told("workflow", id(&workflow));
            workflow
        }
    };
    follow::show(&WorkflowLog { workflow, filters }, &choice.reading, client, out).await
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
                order_by: reading.order_by(),
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

    /// The workflow's run of a message that is told of, or all of its runs. How many events they made, and whose, is only in
    /// the log.
    fn rows(&self, entry: Entry) -> Vec<Run> {
        let Entry::Message(message) = entry else { return Vec::new() };
        let is_wanted = |workflow: &str| id(&self.workflow) == ALL || workflow == self.workflow;
        let runs = message.runs.into_iter().filter(|run| is_wanted(&run.workflow));
        let run = |summary: RunSummary| Run {
            name: format!("{}/runs/{}", message.name, id(&summary.workflow)),
            message: message.name.clone(),
            workflow: summary.workflow,
            version: summary.version,
            status: summary.status,
            run_time: message.process_time,
            ..Run::default()
        };
        runs.map(run).collect()
    }

    fn fact(row: &Run) -> String {
        row.name.clone()
    }
}

#[cfg(test)]
mod tests {
    use tributary_proto::admin::v1::Message;

    use super::{super::follow::Source, *};

    #[test]
    fn a_workflow_finds_its_own_run_in_a_message() {
        let log = |workflow: &str| WorkflowLog { workflow: workflow.to_owned(), filters: Filters::default() };
        let run =
            |workflow: &str, version| RunSummary { workflow: workflow.to_owned(), version, status: None };
        let runs = vec![run("t/sources/s/workflows/w1", 1), run("t/sources/s/workflows/w2", 7)];
        let message = Message { name: "t/messages/m".to_owned(), runs, ..Message::default() };
        let told = |log: &WorkflowLog| {
            let rows = log.rows(Entry::Message(message.clone()));
            rows.into_iter().map(|row| (row.name, row.version)).collect::<Vec<_>>()
        };
        let (one, all) = (log("t/sources/s/workflows/w2"), log("t/sources/-/workflows/-"));
        let (first, second) =
            (("t/messages/m/runs/w1".to_owned(), 1), ("t/messages/m/runs/w2".to_owned(), 7));
        assert_eq!(told(&one), std::slice::from_ref(&second));
        assert_eq!(told(&all), [first, second]);
        assert!(one.rows(Entry::Message(Message::default())).is_empty());
        assert_eq!((one.tail().parent.as_str(), all.tail().parent.as_str()), ("t/sources/s", "t/sources/-"));
    }
}
