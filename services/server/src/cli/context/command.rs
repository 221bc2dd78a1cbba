//! `tributary context`.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::{Value as Json, json};

use super::{
    LOCAL, end,
    file::{Context, Contexts},
    store::Store,
};
use crate::{
    cli::{
        output::{Out, Style, Text, Tree, table},
        reach::Reach,
    },
    config::Config,
};

/// What to do.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Action {
    /// List them
    List,
    /// Use one from now on; `local` is the server of this machine's configuration
    Use {
        /// Its name
        name: String,
    },
    /// Show one
    Show {
        /// Its name; the default is the one in use
        name: Option<String>,
    },
    /// Sign out of one, and forget it
    Delete {
        /// Its name
        name: String,
    },
}

/// Lists contexts, shows one, chooses one, or forgets one.
///
/// # Errors
/// When there is none such, or the file cannot be read or written.
pub(in crate::cli) async fn run(
    action: &Action,
    reach: &Reach,
    config: &Config,
    out: &Out,
) -> anyhow::Result<ExitCode> {
    let store = Store::required()?;
    match action {
        Action::List => list(&store.read()?, out)?,
        Action::Show { name } => {
            let contexts = store.read()?;
            let name = contexts.name_or_current(name.as_deref().or(reach.context.as_deref()))?;
            show(&contexts, &name, out)?;
        }
        Action::Use { name } => {
            let locked = store.lock()?;
            let mut contexts = locked.read()?;
            contexts.current = if name == LOCAL { None } else { Some(contexts.get(name)?.name) };
            locked.write(&contexts)?;
            told(out, name, "is in use from now on")?;
        }
        Action::Delete { name } => {
            let locked = store.lock()?;
            let mut contexts = locked.read()?;
            let context = contexts.get(name)?;
            let asked = reach.to(&context.server, context.ca.as_deref());
            let ended = end(context.credentials.as_ref(), &asked, config).await;
            contexts.contexts.remove(name);
            if contexts.current.as_ref() == Some(name) {
                contexts.current = None;
            }
            locked.write(&contexts)?;
            ended.map_err(|error| {
                error.context("it is forgotten here, but its session could not be ended there")
            })?;
            told(out, name, "is forgotten")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn told(out: &Out, name: &str, what: &str) -> anyhow::Result<()> {
    if out.is_json() {
        return Ok(out.json_line(&json!({ "context": name }))?);
    }
    Ok(out.text(&Text::new().plain(format!("the context `{name}` {what}")))?)
}

/// All that is shown of a context: nothing that is secret.
fn shown(context: &Context, is_current: bool) -> Json {
    json!({
        "context": context.name,
        "in_use": is_current,
        "server": context.server,
        "ca": context.ca,
        "principal": context.principal,
        "signed_in": context.credentials.as_ref().map(super::file::Credentials::kind),
        "agency": context.agency,
        "tenant": context.tenant,
    })
}

fn all(contexts: &Contexts) -> impl Iterator<Item = (Context, bool)> {
    contexts.contexts.iter().map(|(name, context)| {
        let is_current = contexts.current.as_ref() == Some(name);
        (Context { name: name.clone(), ..context.clone() }, is_current)
    })
}

fn list(contexts: &Contexts, out: &Out) -> anyhow::Result<()> {
    if out.is_json() {
        for (context, is_current) in all(contexts) {
            out.json_line(&shown(&context, is_current))?;
        }
        return Ok(());
    }
    let rows = all(contexts).map(|(context, is_current)| {
        let kind = context.credentials.as_ref().map_or("signed out", super::file::Credentials::kind);
        vec![
            if is_current { "*" } else { "" }.to_owned(),
            context.name,
            context.server,
            context.principal,
            kind.to_owned(),
            context.tenant.unwrap_or_default(),
        ]
    });
    let columns = ["", "name", "server", "signed in as", "by", "tenant"];
    Ok(table::write(out, &columns, rows.collect())?)
}

fn show(contexts: &Contexts, name: &str, out: &Out) -> anyhow::Result<()> {
    let value = shown(&contexts.get(name)?, contexts.current.as_deref() == Some(name));
    if out.is_json() {
        return Ok(out.json(&value)?);
    }
    Ok(out.tree(&Tree::of_json(Text::new().with(Style::Bold, name), &value))?)
}
