//! `tributary bootstrap`: an agency and its first owner.

use serde_json::json;

use super::{
    client::Client,
    context::piped,
    output::{Out, Style, Text},
    owner::{self, Outcome},
};

/// Who is made.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Key of the agency, which is made where there is none: a-z, 0-9, - and _
    #[arg(long, value_name = "KEY")]
    agency: String,
    /// Name that people see, for an agency that is made; the default is its key
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// E-mail address of the owner
    #[arg(long, value_name = "EMAIL")]
    email: String,
    /// Read the owner's password from standard input; otherwise they are invited and set it themselves
    #[arg(long)]
    password_stdin: bool,
}

/// Makes the agency and its owner. An agency that has one keeps it, so that this can be run again.
///
/// # Errors
/// When the server refuses, or no password comes.
pub(super) async fn run(args: Args, client: &Client, out: &Out) -> anyhow::Result<()> {
    let password = if args.password_stdin { Some(piped("--password-stdin", "password")?) } else { None };
    let agency = owner::agency(client, &args.agency, args.name.as_deref().unwrap_or(&args.agency)).await?;
    let outcome = owner::ensure(client, &agency, &args.email, password.as_deref()).await?;
    if out.is_json() {
        return Ok(out.json_line(&match outcome {
            Outcome::There { email } => json!({ "agency": agency, "owner": email }),
            Outcome::Made { member } => json!({ "agency": agency, "owner": args.email, "member": member }),
            Outcome::Invited { token } => json!({ "agency": agency, "owner": args.email, "token": token }),
        })?);
    }
    let words = match outcome {
        Outcome::There { email } => format!("the agency {} has an owner already: {email}", args.agency),
        Outcome::Made { .. } => format!("{} owns the agency {}, and can sign in", args.email, args.agency),
        Outcome::Invited { token } => {
            let first = format!(
                "{} is invited to own the agency {}; the token of the invitation:",
                args.email, args.agency
            );
            out.text(&Text::new().with(Style::Dim, first))?;
            out.line(&token)?;
            "it is shown this once, and good for seven days: AuthService.AcceptInvitation takes it".to_owned()
        }
    };
    Ok(out.text(&Text::new().plain(words))?)
}
