//! `tributary members`.

use clap::Subcommand;
use serde_json::json;
use tributary_proto::admin::v1::{CreateInvitationRequest, Invitation, Member};

use super::{OfAgency, Roles, roles};
use crate::cli::{
    client::{Client, refused},
    finder,
    output::{Listed, Out, Style, Text, id, list, time::moment},
    owner,
};

/// What to do.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Action {
    /// List them, oldest first
    List {
        #[command(flatten)]
        of: OfAgency,
        /// How many at most
        #[arg(long, value_name = "N", default_value_t = 100)]
        limit: usize,
    },
    /// Invite somebody, and show the token of the invitation
    Invite {
        /// E-mail address
        #[arg(value_name = "EMAIL")]
        email: String,
        #[command(flatten)]
        of: OfAgency,
        #[command(flatten)]
        roles: Roles,
    },
}

/// Lists members, or invites one.
///
/// # Errors
/// When the server refuses, or there is no such agency or tenant.
pub(in crate::cli) async fn run(action: Action, client: &Client, out: &Out) -> anyhow::Result<()> {
    match action {
        Action::List { of, limit } => {
            let agency = finder::agency(client, of.agency.as_deref()).await?;
            list(out, &owner::members(client, &agency, limit).await?)
        }
        Action::Invite { email, of, roles } => {
            let parent = finder::agency(client, of.agency.as_deref()).await?;
            let (role, grants) = roles.read(client).await?;
            let invitation = Invitation { email, role: role.into(), grants, ..Invitation::default() };
            let request =
                CreateInvitationRequest { parent, invitation: Some(invitation), ..Default::default() };
            let made = client.members().create_invitation(request).await.map_err(refused)?.into_inner();
            let name = made.invitation.map(|invitation| invitation.name).unwrap_or_default();
            if out.is_json() {
                return Ok(out.json_line(&json!({ "invitation": name, "token": made.token }))?);
            }
            out.text(&Text::new().with(Style::Dim, "the token of the invitation, shown this once:"))?;
            Ok(out.line(&made.token)?)
        }
    }
}

impl Listed for Member {
    const COLUMNS: &'static [&'static str] = &["e-mail", "id", "name", "role", "joined (UTC)"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.email.clone(),
            id(&self.name).to_owned(),
            self.display_name.clone(),
            roles(self.role(), &self.grants),
            moment(self.create_time.as_ref()),
        ]
    }
}
