//! `tributary login`.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use serde_json::json;
use tributary_proto::admin::v1::{GetCallerRequest, SignInRequest, auth_service_client::AuthServiceClient};

use super::{
    LOCAL,
    file::{Context, Credentials},
    password,
    session::{end, session},
    store::Store,
};
use crate::{
    cli::{
        client::refused,
        finder,
        output::{Out, Style, Text},
        reach::{Reach, is_here},
    },
    config::Config,
};

/// Tokens that are good until they are taken away: API keys and admin tokens.
const KEPT: [&str; 2] = ["trk_", "tra_"];

/// Where, and as whom.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Address of the server's admin API, such as `https://admin.example.com`; the default is that of the context
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// E-mail address to sign in with; it is asked for where it is not said. With --token, none is needed
    #[arg(long, value_name = "EMAIL")]
    email: Option<String>,
    /// Read the password from standard input, instead of asking for it
    #[arg(long)]
    password_stdin: bool,
    /// Name of the agency to sign in to, `agencies/…`, for who has the same password in several
    #[arg(long, value_name = "AGENCY")]
    agency: Option<String>,
    /// Tenant that is meant where none is said, by its key, id or name
    #[arg(long, value_name = "TENANT")]
    tenant: Option<String>,
    /// Send the password to another machine without TLS
    #[arg(long)]
    allow_http: bool,
}

/// Signs in, and keeps what calls are made with as a context, which is in use from now on.
///
/// # Errors
/// When the server refuses, or the context cannot be kept.
pub(in crate::cli) async fn run(
    args: &Args,
    reach: &Reach,
    config: &Config,
    out: &Out,
) -> anyhow::Result<ExitCode> {
    let store = Store::required()?;
    let before = reach.context.as_ref().and_then(|name| store.read().ok()?.get(name).ok());
    let given = args.server.as_ref().or(reach.address.as_ref());
    let given = given.or(before.as_ref().map(|context| &context.server));
    let given = given.context("say which server, with --server https://…")?;
    let ca = match &reach.ca {
        Some(file) => {
            Some(file.canonicalize().with_context(|| format!("no certificates in {}", file.display()))?)
        }
        None => before.as_ref().and_then(|context| context.ca.clone()),
    };
    let asked = reach.to(given, ca.as_deref());
    let server = asked.asked(config)?.url;
    if server.starts_with("http://") && !is_here(&server) && !args.allow_http {
        bail!(
            "{server} is another machine, and without TLS anybody on the way reads the password: say https://, or --allow-http"
        );
    }
    let name = reach.context.clone().unwrap_or_else(|| name_of(&server));
    check_name(&name)?;
    let (credentials, principal) = match &reach.token {
        Some(token) if args.email.is_none() => with_token(token, &asked, config).await?,
        _ => with_password(args, &asked, config).await?,
    };
    let token = match &credentials {
        Credentials::Token { token } => token.clone(),
        Credentials::Session { access_token, .. } => access_token.clone(),
    };
    // A tenant that is not there is told now, not with the next command.
    let client = asked.with_token(token).connect(config).await?;
    let tenant = match &args.tenant {
        Some(tenant) => Some(finder::tenant(&client, Some(tenant)).await?),
        None => before.as_ref().filter(|it| it.server == server).and_then(|context| context.tenant.clone()),
    };
    let caller = client.auth().get_caller(GetCallerRequest {}).await.map_err(refused)?.into_inner();
    let agency = caller.principal.split('/').take(2).collect::<Vec<_>>().join("/");
    let context = Context {
        name: name.clone(),
        server: server.clone(),
        ca,
        principal: if principal.is_empty() { caller.principal } else { principal },
        agency: Some(agency).filter(|agency| !agency.is_empty()),
        tenant,
        credentials: Some(credentials),
    };
    let locked = store.lock()?;
    let mut contexts = locked.read()?;
    let replaced = contexts.contexts.insert(name.clone(), context.clone());
    contexts.current = Some(name.clone());
    locked.write(&contexts)?;
    drop(locked);
    if let Some(replaced) = replaced {
        let old = reach.to(&replaced.server, replaced.ca.as_deref());
        // A session that cannot be ended now ends by itself.
        let _ = end(replaced.credentials.as_ref(), &old, config).await;
    }
    tell(out, &context)?;
    Ok(ExitCode::SUCCESS)
}

fn tell(out: &Out, context: &Context) -> anyhow::Result<()> {
    if out.is_json() {
        let told =
            json!({ "context": context.name, "server": context.server, "principal": context.principal });
        return Ok(out.json_line(&told)?);
    }
    let who = if context.principal.is_empty() { "whoever runs it" } else { &context.principal };
    let text = Text::new()
        .plain("signed in to ")
        .with(Style::Bold, &context.server)
        .plain(format!(" as {who}; the context `{}` is in use", context.name));
    Ok(out.text(&text)?)
}

async fn with_token(token: &str, reach: &Reach, config: &Config) -> anyhow::Result<(Credentials, String)> {
    if !KEPT.iter().any(|prefix| token.starts_with(prefix)) {
        bail!("--token: only an API key or an admin token lasts long enough to be kept");
    }
    reach.with_token(token.to_owned()).connect(config).await?;
    Ok((Credentials::Token { token: token.to_owned() }, String::new()))
}

async fn with_password(args: &Args, reach: &Reach, config: &Config) -> anyhow::Result<(Credentials, String)> {
    // Nobody types a password for a server that does not answer.
    let mut auth = AuthServiceClient::new(reach.channel(config).await?);
    let email = match &args.email {
        Some(email) => email.clone(),
        None if args.password_stdin => bail!("--password-stdin: say whose password it is with --email"),
        None => password::ask("e-mail")?,
    };
    let password = if args.password_stdin {
        password::piped("--password-stdin", "password")?
    } else {
        password::ask_hidden("password")?
    };
    let agency = args.agency.clone().unwrap_or_default();
    let request = SignInRequest { email: email.clone(), password, agency };
    let answer = auth.sign_in(request).await.map_err(|status| anyhow::anyhow!("{}", status.message()))?;
    Ok((session(answer.into_inner().tokens)?, email))
}

/// A name for the context of a server: its host, and its port where that is said.
fn name_of(server: &str) -> String {
    let place = server.split_once("://").map_or(server, |(_, place)| place);
    let place = place.split('/').next().unwrap_or_default().trim_start_matches('[');
    place.replace("]:", "-").replace([':', ']'], "-").trim_end_matches('-').to_owned()
}

fn check_name(name: &str) -> anyhow::Result<()> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if name.is_empty() || name.len() > 63 || !name.bytes().all(is_plain) {
        bail!("--context {name}: a name is 1 to 63 of a-z, A-Z, 0-9, -, _ and .");
    }
    if name == LOCAL {
        bail!("--context {LOCAL}: that is the server of this machine's configuration, and needs no login");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contexts_are_named_after_their_servers() {
        for (server, name) in [
            ("https://admin.example.com", "admin.example.com"),
            ("http://127.0.0.1:8090", "127.0.0.1-8090"),
            ("https://[::1]:8090", "--1-8090"),
        ] {
            assert_eq!(name_of(server), name);
            check_name(name).unwrap();
        }
        for odd in ["", "local", "a b", "a/b", &"x".repeat(64)] {
            assert!(check_name(odd).is_err(), "{odd}");
        }
    }
}
