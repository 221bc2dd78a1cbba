//! Contexts: servers that somebody signed in to, and how calls to them are made. They are kept in the user's
//! configuration folder; what is secret in them is shown nowhere.

pub(super) mod command;
mod file;
pub(super) mod login;
pub(super) mod logout;
mod password;
mod session;
mod store;

pub(super) use self::password::piped;
use self::{
    session::{access_token, end},
    store::Store,
};
use super::{client::Client, reach::Reach};
use crate::config::Config;

/// The name that stands for no context: the server of this machine's configuration.
const LOCAL: &str = "local";

/// Connects to the server that is meant: that of the context which is named, or of the one in use, or the one of this
/// configuration. The context in use is left aside where the command line says another server, token or data folder.
///
/// # Errors
/// When there is no such context, nobody is signed in there any more, or nobody answers.
pub(super) async fn connect(reach: &Reach, config: &Config, says_folder: bool) -> anyhow::Result<Client> {
    let store = match (Store::here(), &reach.context) {
        (Some(store), _) => store,
        (None, Some(name)) if name != LOCAL => Store::required()?,
        (None, _) => return reach.connect(config).await,
    };
    let context = match &reach.context {
        Some(name) if name == LOCAL => None,
        Some(name) => {
            if reach.address.is_some() {
                anyhow::bail!(
                    "--context {name} says a server already: leave out --address and TRIBUTARY_ADDRESS"
                );
            }
            Some(store.read()?.get(name)?)
        }
        None if says_folder || reach.address.is_some() || reach.token.is_some() => None,
        None => store.read()?.in_use()?,
    };
    let Some(context) = context else { return reach.connect(config).await };
    let asked = reach.to(&context.server, context.ca.as_deref());
    let token = match &reach.token {
        Some(token) => token.clone(),
        None => access_token(&store, &context, &asked, config).await?,
    };
    let mut client = asked.with_token(token).connect(config).await?;
    client.tenant = context.tenant;
    client.agency = context.agency;
    Ok(client)
}
