//! `tributary operations`.

use clap::Subcommand;
use tributary_proto::admin::v1::{
    CancelOperationRequest, GetOperationRequest, ListOperationsRequest, Operation,
    operation::{Request, State},
};

use super::{Listing, OfTenant};
use crate::cli::{
    client::{Client, refused},
    finder,
    output::{Listed, Out, id, list, one, time::moment},
    pages, replay,
};

/// What to do.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Action {
    /// List them, newest first
    List(Listing),
    /// Show one
    Get(Choice),
    /// Stop one: what it did stays done
    Cancel(Choice),
    /// Show how far one is until it has ended
    Watch(Choice),
}

/// One operation.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Choice {
    /// Its id or name: opn_…
    #[arg(value_name = "OPERATION")]
    which: String,
    #[command(flatten)]
    of: OfTenant,
}

/// Lists operations, or shows, stops or watches one.
///
/// # Errors
/// When the server refuses, or there is none such.
pub(in crate::cli) async fn run(action: Action, client: &Client, out: &Out) -> anyhow::Result<()> {
    match action {
        Action::List(Listing { of, limit }) => {
            let parent = finder::tenant(client, of.tenant.as_deref()).await?;
            let found = pages::all(limit, async |page_size, page_token| {
                let (parent, filter) = (parent.clone(), String::new());
                let request = ListOperationsRequest { parent, page_size, page_token, filter };
                let answer = client.operations().list_operations(request).await?.into_inner();
                Ok((answer.operations, answer.next_page_token))
            });
            list(out, &found.await?)
        }
        Action::Get(choice) => {
            let request = GetOperationRequest { name: choice.name(client).await? };
            let found = client.operations().get_operation(request).await.map_err(refused)?.into_inner();
            one(out, id(&found.name), &found)
        }
        Action::Cancel(choice) => {
            let request = CancelOperationRequest { name: choice.name(client).await?, etag: String::new() };
            let found = client.operations().cancel_operation(request).await.map_err(refused)?.into_inner();
            one(out, id(&found.name), &found)
        }
        Action::Watch(choice) => replay::watch(&choice.name(client).await?, client, out).await,
    }
}

impl Choice {
    /// Its full name.
    async fn name(&self, client: &Client) -> anyhow::Result<String> {
        if self.which.contains('/') {
            return Ok(self.which.clone());
        }
        let tenant = finder::tenant(client, self.of.tenant.as_deref()).await?;
        Ok(format!("{tenant}/operations/{}", self.which))
    }
}

/// How far an operation is.
pub(in crate::cli) fn state_word(operation: &Operation) -> &'static str {
    match operation.state() {
        State::Unspecified => "unknown",
        State::Running => "running",
        State::Succeeded => "done",
        State::Failed => "failed",
        State::Cancelled => "cancelled",
    }
}

impl Listed for Operation {
    const COLUMNS: &'static [&'static str] =
        &["id", "what", "state", "total", "done", "failed", "by", "begun (UTC)", "ended (UTC)"];

    fn cells(&self) -> Vec<String> {
        let what = match self.request {
            Some(Request::ReplayMessages(_)) => "replay of messages",
            Some(Request::ReplayDeliveries(_)) => "replay of deliveries",
            Some(Request::EraseProfile(_)) => "erasure of a person",
            Some(Request::BacktestWorkflow(_)) => "backtest",
            None => "unknown",
        };
        vec![
            id(&self.name).to_owned(),
            what.to_owned(),
            state_word(self).to_owned(),
            self.total_count.to_string(),
            self.done_count.to_string(),
            self.failed_count.to_string(),
            self.actor.clone(),
            moment(self.create_time.as_ref()),
            moment(self.complete_time.as_ref()),
        ]
    }
}
