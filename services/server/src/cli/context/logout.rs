//! `tributary logout`.

use std::process::ExitCode;

use serde_json::json;

use super::{LOCAL, end, store::Store};
use crate::{
    cli::{
        output::{Out, Text},
        reach::Reach,
    },
    config::Config,
};

/// Ends the session of a context, and forgets what calls were made with. The context stays, so that one can sign in again.
///
/// # Errors
/// When there is no such context. A server that cannot be asked is told of: the session ends by itself.
pub(in crate::cli) async fn run(reach: &Reach, config: &Config, out: &Out) -> anyhow::Result<ExitCode> {
    let store = Store::required()?;
    if reach.context.as_deref() == Some(LOCAL) {
        anyhow::bail!("nobody signs in to this machine's own server: its token is in the data folder");
    }
    let name = {
        let locked = store.lock()?;
        let mut contexts = locked.read()?;
        let name = contexts.name_or_current(reach.context.as_deref())?;
        let context = contexts.get(&name)?;
        let asked = reach.to(&context.server, context.ca.as_deref());
        // Ended while nobody else can change the file: another command would get new tokens of it.
        let ended = end(context.credentials.as_ref(), &asked, config).await;
        if let Some(kept) = contexts.contexts.get_mut(&name) {
            kept.credentials = None;
        }
        locked.write(&contexts)?;
        ended.map_err(|error| {
            error.context("the tokens are forgotten here, but the session could not be ended there")
        })?;
        name
    };
    if out.is_json() {
        out.json_line(&json!({ "context": name, "signed_in": false }))?;
    } else {
        out.text(&Text::new().plain(format!("signed out of the context `{name}`")))?;
    }
    Ok(ExitCode::SUCCESS)
}
