//! `tributary trace`: a message's whole life.

mod conversion;
mod event;
mod fields;
mod filter;
mod message;
mod run;
mod testing;
#[cfg(test)]
mod tests;
mod wait;

use anyhow::{anyhow, bail};
use tonic::Code;
use tributary_domain::id::MessageId;
use tributary_proto::admin::v1::{GetMessageTraceRequest, MessageTrace};

use super::{
    client::{Client, refused},
    output::{Out, json},
};

pub(super) use message::tree;
pub(super) use testing::{delivery_tree, tree as test_tree};
pub(super) use wait::settled;

/// Which message.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The id that was answered to the sender
    #[arg(value_name = "MESSAGE_ID")]
    message: String,
}

/// Shows a message's trace.
///
/// # Errors
/// When the server refuses, or there is no such message.
pub(super) async fn run(args: &Args, client: &Client, out: &Out) -> anyhow::Result<()> {
    show(out, &get(client, &args.message).await?)
}

/// Asks for a message's trace.
///
/// # Errors
/// When the server refuses, or there is no such message.
pub(super) async fn get(client: &Client, message: &str) -> anyhow::Result<MessageTrace> {
    let id = message.rsplit('/').next().unwrap_or(message);
    if id.parse::<MessageId>().is_err() {
        bail!(
            "`{id}` is no message id: take one from `tributary logs source`, such as msg_… with 26 characters"
        );
    }
    let request = GetMessageTraceRequest { name: message.to_owned() };
    let trace = client.logs().get_message_trace(request).await.map_err(|status| match status.code() {
        Code::NotFound => {
            anyhow!("there is no message `{id}`: `tributary logs source` lists those there are")
        }
        _ => refused(status),
    })?;
    Ok(trace.into_inner())
}

/// Shows a trace: as a tree for people.
///
/// # Errors
/// When standard output cannot be written to.
pub(super) fn show(out: &Out, trace: &MessageTrace) -> anyhow::Result<()> {
    if out.is_json() {
        return Ok(out.json(&json(trace)?)?);
    }
    Ok(out.tree(&tree(trace))?)
}
